"""People and their postings as rows of the file that the import reads."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.fields import cells_of
from crm.people.fields import PERSON_FIELDS, POSTING_FIELDS
from crm.people.models import Person, Posting, Unit
from crm.people.permissions import Viewer, visible_to


def people_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """A row for each posting, of whom the viewer may see; without a viewer, of everybody.

    Who has no posting has one row, its columns of a posting empty.
    """
    query = (
        select(Person, Posting, Unit)
        # outer: the file is to hold those without a posting, too
        .outerjoin(Posting, Posting.person_id == Person.id)
        .outerjoin(Unit, Unit.id == Posting.unit_id)
        .order_by(Person.username, Posting.from_on, Posting.id)
    )

    if viewer:
        query = query.where(Person.id.in_(visible_to(viewer, on).with_only_columns(Person.id)))

    return [_row(*found) for found in db.execute(query)]


def _row(person: Person, posting: Posting | None, unit: Unit | None) -> dict[str, object]:
    own = cells_of(PERSON_FIELDS, person)
    if posting is None or unit is None:
        return own

    return own | cells_of(POSTING_FIELDS, posting) | {"unit": unit.code, "unit_name": unit.name}
