"""Rules as their pages show them: each version in words, and what may be done to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy.orm import Session

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


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version of a rule, in words."""

    id: int
    sentence: str
    can_withdraw: bool  # it has judged nothing yet


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule with its version of today, those to come and those of the past."""

    code: str
    name: str
    state: str
    tone: str
    now: VersionLine | None
    people: int
    to_come: tuple[VersionLine, ...]
    past: tuple[VersionLine, ...]


def lines(db: Session, known: Iterable[RuleVersion], on: date) -> list[RuleLine]:
    """The rules of these versions, by duty and then by code."""
    by_code = [list(some) for _, some in groupby(known, key=lambda each: each.code)]
    people = people_by_duty(db, on)
    judged = last_judged(db, [some[0].code for some in by_code])
    duties = list(Duty)
    by_code.sort(key=lambda some: (duties.index(current_version(some, on).duty), some[0].code))
    return [_line(some, on, people, judged.get(some[0].code)) for some in by_code]


def _line(
    known: Sequence[RuleVersion], on: date, people: Mapping[Duty, int], judged: date | None
) -> RuleLine:
    told_of = {each.id: _version(each, judged, on) for each in known}
    shown = current_version(known, on)
    is_now = judges(shown, on)
    before = [each for each in known if each.valid_from < shown.valid_from]
    after = [each for each in known if each.valid_from > shown.valid_from]

    if is_now:
        state, tone = "执行中", "good"
    elif shown.valid_to and shown.valid_to < on:
        state, tone, before = "已停用", "neutral", list(known)
    else:
        state, tone, after = "未开始", "info", [shown, *after]

    return RuleLine(
        code=shown.code,
        name=shown.name,
        state=state,
        tone=tone,
        now=told_of[shown.id] if is_now else None,
        people=people.get(shown.duty, 0),
        to_come=tuple(told_of[each.id] for each in after),
        past=tuple(told_of[each.id] for each in before),
    )


def _version(version: RuleVersion, judged: date | None, on: date) -> VersionLine:
    earliest = earliest_from(judged, [version.period], on)
    return VersionLine(
        version.id, sentence_of(as_rule(version)), can_withdraw=version.valid_from >= earliest
    )
