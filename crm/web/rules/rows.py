"""Rules as their pages show them: each version in words, and what may be done to it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby

from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.people.rules import Duty
from crm.quotas.models import RuleVersion
from crm.quotas.rule_versions import (
    as_rule,
    current_version,
    earliest_from,
    judges,
    last_judged,
    people_by_duty,
)
from crm.quotas.wording import sentence_of


@value_class
class VersionRow:
    """One version of a rule, in words."""

    id: int
    sentence: str
    can_withdraw: bool  # it has judged nothing yet


@value_class
class RuleRow:
    """A rule with its version of today, those to come and those of the past."""

    code: str
    name: str
    state: str
    tone: str
    now: VersionRow | None
    people: int
    to_come: tuple[VersionRow, ...]
    past: tuple[VersionRow, ...]


def rule_rows(db: Session, known: Iterable[RuleVersion], on: date) -> list[RuleRow]:
    """The rules of these versions, by duty and then by code."""
    # the versions come in the order of their codes, as `groupby` needs
    by_code = [list(group) for _, group in groupby(known, key=lambda version: version.code)]
    people = people_by_duty(db, on)
    judged = last_judged(db, [group[0].code for group in by_code])
    duties = list(Duty)
    by_code.sort(key=lambda group: (duties.index(current_version(group, on).duty), group[0].code))
    return [_rule_row(group, on, people, judged.get(group[0].code)) for group in by_code]


def _rule_row(
    known: Sequence[RuleVersion], on: date, people: Mapping[Duty, int], judged: date | None
) -> RuleRow:
    rows = {version.id: _version_row(version, judged, on) for version in known}
    shown = current_version(known, on)
    is_now = judges(shown, on)
    before = [version for version in known if version.valid_from < shown.valid_from]
    after = [version for version in known if version.valid_from > shown.valid_from]

    if is_now:
        state, tone = "执行中", "good"
    elif shown.valid_to and shown.valid_to < on:
        state, tone, before = "已停用", "neutral", list(known)
    else:
        state, tone, after = "未开始", "info", [shown, *after]

    return RuleRow(
        code=shown.code,
        name=shown.name,
        state=state,
        tone=tone,
        now=rows[shown.id] if is_now else None,
        people=people.get(shown.duty, 0),
        to_come=tuple(rows[version.id] for version in after),
        past=tuple(rows[version.id] for version in before),
    )


def _version_row(version: RuleVersion, judged: date | None, on: date) -> VersionRow:
    earliest = earliest_from(judged, [version.period], on)
    sentence = sentence_of(as_rule(version))
    return VersionRow(version.id, sentence, can_withdraw=version.valid_from >= earliest)
