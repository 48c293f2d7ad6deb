"""What a unit chose for its tables and for the names in them, kept for the next one (ENTRY 6)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.db import Base, insert_into
from crm.imports.models import ImportName, ImportRun, ImportTemplate
from crm.imports.settings import Settings
from crm.imports.tables import Upload
from crm.people.models import Person


def template_of(db: Session, run: ImportRun, upload: Upload) -> ImportTemplate | None:
    """What the unit of the import chose for tables of this form."""
    return db.scalar(
        select(ImportTemplate).where(
            ImportTemplate.unit_id == run.unit_id,
            ImportTemplate.kind == run.kind,
            ImportTemplate.signature == upload.signature,
        )
    )


def names_of_unit(db: Session, run: ImportRun) -> dict[str, str]:
    """The names that the unit has chosen people for."""
    query = select(ImportName.name, Person.username).outerjoin(
        Person, Person.id == ImportName.person_id
    )
    rows = db.execute(query.where(ImportName.unit_id == run.unit_id))
    return {name: username or "" for name, username in rows}


def remember_settings(
    db: Session, run: ImportRun, upload: Upload, settings: Settings, now: datetime
) -> None:
    """Keep what was chosen for tables of this form."""
    key = {"kind": run.kind, "signature": upload.signature}
    values = {"settings": settings.as_template.text, "used_at": now}
    remember(db, run, ImportTemplate, key, values)


def remember(
    db: Session,
    run: ImportRun,
    table: type[Base],
    key: Mapping[str, object],
    values: Mapping[str, object],
) -> None:
    """Keep what was chosen for the unit of the import, in the place of what it chose before."""
    if run.unit_id is None:
        return
    of_unit = {"unit_id": run.unit_id, **key}
    statement = insert_into(db, table).values(**of_unit, **values)
    db.execute(statement.on_conflict_do_update(index_elements=list(of_unit), set_=values))
