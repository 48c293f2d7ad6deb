"""Reads of the versions of the rules: which hold when, what they have judged, whom they concern."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from crm.base.periods import DAY, Period, PeriodKind
from crm.people.models import Posting
from crm.people.queries import held_on
from crm.people.rules import Duty
from crm.quotas.models import FigureRecord, RuleVersion
from crm.quotas.rules import Rule


def as_rule(version: RuleVersion) -> Rule:
    """The version as a plain value."""
    return Rule(**{field.name: getattr(version, field.name) for field in fields(Rule)})


def versions(db: Session, code: str | None = None) -> Sequence[RuleVersion]:
    """Every version of that rule, or of all, by code and in the order of time."""
    query = select(RuleVersion).order_by(RuleVersion.code, RuleVersion.valid_from)
    return db.scalars(query if code is None else query.where(RuleVersion.code == code)).all()


def version_on(db: Session, code: str, on: date) -> RuleVersion | None:
    """The version of that rule that holds on the date."""
    return db.scalar(
        select(RuleVersion).where(
            RuleVersion.code == code,
            RuleVersion.valid_from <= on,
            or_(RuleVersion.valid_to.is_(None), RuleVersion.valid_to >= on),
        )
    )


def next_version(db: Session, code: str, after: date) -> RuleVersion | None:
    """The first version of that rule that begins after the date."""
    query = select(RuleVersion).where(RuleVersion.code == code, RuleVersion.valid_from > after)
    return db.scalar(query.order_by(RuleVersion.valid_from).limit(1))


def judges(version: RuleVersion, on: date) -> bool:
    """Whether the period that runs on the date is judged by this version."""
    # REGIME 4: a period is judged whole by the version that holds on its first date
    return as_rule(version).holds_on(Period.holding(version.period, on).first)


def current_version(known: Sequence[RuleVersion], on: date) -> RuleVersion:
    """Of one rule's versions the one that judges on the date, else the next, else the last."""
    judging = [version for version in known if judges(version, on)]
    to_come = [version for version in known if version.valid_to is None or version.valid_to >= on]
    return judging[-1] if judging else (to_come or known[-1:])[0]


def version_to_change(known: Sequence[RuleVersion], first: date, on: date) -> RuleVersion:
    """The version that a change from `first` on would alter; without one, the current one."""
    holding = (version for version in known if as_rule(version).holds_on(first))
    return next(holding, current_version(known, on))


def last_judged(db: Session, codes: Collection[str]) -> Mapping[str, date]:
    """By rule, the first date of the latest period of which figures are kept."""
    query = select(FigureRecord.rule_code, func.max(FigureRecord.first_on))
    rows = db.execute(
        query.where(FigureRecord.rule_code.in_(codes)).group_by(FigureRecord.rule_code)
    )
    return dict(rows.all())


def earliest_from(judged: date | None, kinds: Iterable[PeriodKind], today: date) -> date:
    """The first date from which a rule may change so that the past stays as it was judged.

    A period that is over, or of which figures are kept, began before that date; `judged` is the
    first date of the last one of which they are, `kinds` are of the rule before and after.
    """
    # REGIME 4: a period is judged whole, so the running one may still change from its start
    running = [Period.holding(kind, today).first for kind in kinds]
    return max([*running, judged + DAY] if judged else running)


def people_by_duty(db: Session, on: date) -> Mapping[Duty, int]:
    """How many people hold each duty, in their primary posting, on the date."""
    rows = db.execute(
        select(Posting.duty, func.count(Posting.person_id.distinct()))
        .where(Posting.is_primary, held_on(on))
        .group_by(Posting.duty)
    )
    return dict(rows.all())
