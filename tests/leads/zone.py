"""A small zone in which every kind of viewer stands somewhere."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer, viewer
from crm.people.rules import Duty, Role, UnitKind
from tests.factories import make_lead, make_person, make_unit

TODAY = date(2026, 7, 15)


@dataclass
class Zone:
    """Units, people by name, and a lead of each secrecy in the bureau, tracked by `tracker`."""

    db: Session
    units: dict[str, Unit] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    leads: dict[Secrecy, Lead] = field(default_factory=dict)

    def eyes(self, name: str) -> Viewer:
        return viewer(self.db, self.people[name], TODAY)


PEOPLE = {  # name: role, unit
    "tracker": (Role.RECRUITER, "bureau"),
    "colleague": (Role.RECRUITER, "bureau"),
    "below": (Role.RECRUITER, "team"),
    "stranger": (Role.RECRUITER, "other"),
    "supervisor": (Role.SUPERVISOR, "bureau"),
    "leader": (Role.LEADER, "zone"),
    "other_supervisor": (Role.SUPERVISOR, "other"),
    "reader": (Role.READER, "zone"),
    "admin": (Role.ADMIN, None),
}


def make_zone(db: Session) -> Zone:
    zone = Zone(db)
    top = make_unit(db, "开发区", kind=UnitKind.ZONE)
    bureau, other = make_unit(db, "招商局", parent=top), make_unit(db, "经发局", parent=top)
    team = make_unit(db, "一组", parent=bureau, kind=UnitKind.TEAM)
    zone.units = {"zone": top, "bureau": bureau, "other": other, "team": team}
    for name, (role, unit) in PEOPLE.items():
        place = zone.units[unit] if unit else None
        duty = Duty.RECRUITER if unit else None
        zone.people[name] = make_person(db, name, role=role, unit=place, duty=duty)
    for secrecy in Secrecy:
        zone.leads[secrecy] = make_lead(
            db,
            f"{secrecy.label}项目",
            secrecy=secrecy,
            unit=bureau,
            tracker=zone.people["tracker"],
        )
    return zone
