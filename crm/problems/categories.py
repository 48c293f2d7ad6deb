"""The categories of problems: data that an admin adds, renames, orders and retires."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.refs import new_ref
from crm.base.value_class import value_class
from crm.people.models import Person, Unit
from crm.problems.models import ProblemCategory


@value_class(kw_only=True)
class CategoryData:
    """A category's values; the lower position comes first."""

    name: str
    position: int
    unit_id: int | None = None
    is_offered: bool = True


def categories(db: Session, *, offered: bool = False) -> Sequence[ProblemCategory]:
    """All categories in their order; `offered`: those that a new problem may have."""
    query = select(ProblemCategory).order_by(ProblemCategory.position, ProblemCategory.id)
    return db.scalars(query.where(ProblemCategory.is_offered) if offered else query).all()


def last_position(db: Session) -> int:
    return db.scalar(select(func.max(ProblemCategory.position))) or 0


def add_category(
    db: Session, *, data: CategoryData, by: Person | None, now: datetime, code: str = ""
) -> ProblemCategory:
    """Add a category; refused as `required`, `known_category`, `no_such_unit`."""
    category = ProblemCategory(code=code or new_ref("C", civil_date(now)), **_checked(db, data))
    try:
        with db.begin_nested():
            db.add(category)
    except IntegrityError:
        raise Refused("known_category", field="name") from None

    after = {"code": category.code, **_checked(db, data)}
    record(db, "problem_category.added", category, by=by, at=now, after=after)
    return category


def change_category(
    db: Session, *, category: ProblemCategory, data: CategoryData, by: Person, now: datetime
) -> bool:
    """Change a category; its code stays. Refused as `add_category`."""
    values = _checked(db, data)
    taken = select(ProblemCategory.id).where(ProblemCategory.name == values["name"])
    if db.scalar(taken.where(ProblemCategory.id != category.id)) is not None:
        raise Refused("known_category", field="name")

    before, after = changes(category, values)
    if after:
        action = "problem_category.changed"
        record(db, action, category, by=by, at=now, before=before, after=after)
    return bool(after)


def _checked(db: Session, data: CategoryData) -> dict[str, object]:
    if not data.name.strip():
        raise Refused("required", field="name")
    if data.unit_id is not None and db.get(Unit, data.unit_id) is None:
        raise Refused("no_such_unit", field="unit_id")
    return {
        "name": data.name.strip(),
        "position": data.position,
        "unit_id": data.unit_id,
        "is_offered": data.is_offered,
    }
