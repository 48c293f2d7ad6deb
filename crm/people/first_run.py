"""The first admin of an installation in which nobody is yet."""

from base64 import b32encode
from datetime import datetime
from hmac import compare_digest, digest

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.value_class import value_class
from crm.people import service, units
from crm.people.models import Person, Unit
from crm.people.rules import Role, UnitKind

_BYTES = 5  # of each half of a code: together 80 bits, guessed by nobody


@value_class(kw_only=True)
class FirstAdmin:
    """Who sets the installation up."""

    username: str
    name: str
    email: str | None
    password_hash: str


def is_nobody_there(db: Session) -> bool:
    """Whether nobody was ever entered."""
    return not db.scalar(select(exists(select(Person.id))))


def setup_code(secret: str, installed_at: datetime) -> str:
    """What the console prints and the page asks for; the same in all processes, of no use later."""
    text = f"first run {installed_at.isoformat()}".encode()
    mac = digest(secret.encode(), text, "sha256")
    return "-".join(b32encode(mac[at : at + _BYTES]).decode() for at in (0, _BYTES))


def is_code(typed: str, code: str) -> bool:
    """Whether that is the code, however its letters and dashes were typed."""
    plain = typed.upper().replace("-", "").replace(" ", "")
    return compare_digest(plain.encode(), code.replace("-", "").encode())


def set_up(db: Session, *, zone_name: str, admin: FirstAdmin, now: datetime) -> Person:
    """Name the zone and enter its first admin; refused as `already_set_up`, or as `add_person`."""
    take_exclusive_lock(db)
    if not is_nobody_there(db):
        raise Refused("already_set_up")

    person = service.add_person(
        db,
        username=admin.username,
        name=admin.name,
        email=admin.email,
        role=Role.ADMIN,
        by=None,
        now=now,
    )
    db.flush()
    hashed = admin.password_hash
    service.set_password(db, person=person, password_hash=hashed, by=person, now=now)
    _name_zone(db, zone_name, by=person, now=now)

    return person


def _name_zone(db: Session, name: str, *, by: Person, now: datetime) -> None:
    zone = db.scalars(
        select(Unit).where(Unit.kind == UnitKind.ZONE, Unit.parent_id.is_(None))
    ).one()
    data = units.UnitData(
        name=name,
        kind=zone.kind,
        parent_id=None,
        position=zone.position,
        inspects=zone.inspects,
        coordinates=zone.coordinates,
    )
    units.change_unit(db, unit=zone, data=data, by=by, now=now)
