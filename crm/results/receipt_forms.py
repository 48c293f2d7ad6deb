"""The forms in which money arrives: data that an admin adds, renames, orders and retires."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.refs import new_ref
from crm.base.remembered import remembered
from crm.base.seed_files import read_seeds
from crm.base.value_class import value_class
from crm.people.models import Person
from crm.results.receipt_models import Receipt, ReceiptForm
from crm.results.receipt_rules import Line


@value_class(kw_only=True)
class FormData:
    """A form's values; the lower position comes first."""

    name: str
    line: Line
    position: int
    is_offered: bool = True


@value_class
class FormRow:
    """A form as pages and files name it."""

    id: int
    code: str
    name: str
    line: Line
    is_offered: bool


def form_rows(db: Session) -> Sequence[FormRow]:
    """All forms in their order."""
    columns = (*(ReceiptForm.id, ReceiptForm.code, ReceiptForm.name), ReceiptForm.line)
    query = select(*columns, ReceiptForm.is_offered)
    ordered = query.order_by(ReceiptForm.position, ReceiptForm.id)
    return remembered(
        db, "forms of receipts", read=lambda: tuple(FormRow(*row) for row in db.execute(ordered))
    )


def last_position(db: Session) -> int:
    return db.scalar(select(func.max(ReceiptForm.position))) or 0


def add_form(
    db: Session, *, data: FormData, by: Person | None, now: datetime, code: str = ""
) -> ReceiptForm:
    """Add a form; refused as `required`, `known_form`."""
    form = ReceiptForm(code=code or new_ref("M", civil_date(now)), **_checked(data))
    try:
        with db.begin_nested():
            db.add(form)
    except IntegrityError:
        raise Refused("known_form", field="name") from None

    after = {"code": form.code, **_checked(data)}
    record(db, "receipt_form.added", form, by=by, at=now, after=after)
    return form


def change_form(
    db: Session, *, form: ReceiptForm, data: FormData, by: Person, now: datetime
) -> bool:
    """Change a form; its code stays. Refused as `add_form`, and as `form_is_used`."""
    values = _checked(data)
    taken = select(ReceiptForm.id).where(ReceiptForm.name == values["name"])
    if db.scalar(taken.where(ReceiptForm.id != form.id)) is not None:
        raise Refused("known_form", field="name")
    # money that was counted would change its line
    if data.line is not form.line and db.scalar(select(exists().where(Receipt.form_id == form.id))):
        raise Refused("form_is_used", field="line")

    before, after = changes(form, values)
    if after:
        record(db, "receipt_form.changed", form, by=by, at=now, before=before, after=after)
    return bool(after)


def plant_forms(db: Session, now: datetime) -> int:
    """Add the shipped forms to a zone that has none; how many."""
    if db.scalar(select(ReceiptForm.id).limit(1)) is not None:
        return 0
    rows = read_seeds("receipt_forms.yaml")
    for position, row in enumerate(rows, start=1):
        data = FormData(name=row["name"], line=Line(row["line"]), position=position)
        add_form(db, data=data, by=None, now=now, code=row["code"])
    return len(rows)


def _checked(data: FormData) -> dict[str, object]:
    if not data.name.strip():
        raise Refused("required", field="name")
    return {
        "name": data.name.strip(),
        "line": data.line,
        "position": data.position,
        "is_offered": data.is_offered,
    }
