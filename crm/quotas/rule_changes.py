"""What happens to rules: added, changed from a date on, ended, withdrawn (REGIME 4).

A version that has judged is never altered but for its last date, so that the past stays as it
was judged; each of these refuses what would have a period that is over judged by another version.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.periods import DAY, LONGEST_PERIOD_DAYS, PeriodKind
from crm.people.models import Person
from crm.people.rules import SYSTEM
from crm.quotas.locks import hold_edits
from crm.quotas.models import RuleVersion
from crm.quotas.rule_versions import (
    as_rule,
    earliest_from,
    last_judged,
    next_version,
    version_on,
    versions,
)
from crm.quotas.rules import CountBy, Rule
from crm.visits.rules import LONGEST_DAYS

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_CODE, LONGEST_NAME = 40, 50
TAKEN = frozenset({"new", "backtest"})  # pages stand at these addresses
MOST_VISITS = 1000  # where several count on one date; beyond is a slip of the keys


def check_rule(rule: Rule) -> None:
    """Refuse what no rule can ask: `required`, `number_out_of_range`, `days_by_day` and others."""
    for field in ("name", "kinds", "channels"):
        if not getattr(rule, field):
            raise Refused("required", field=field)

    if len(rule.name) > LONGEST_NAME:
        raise Refused("text_too_long", field="name", longest=LONGEST_NAME)
    if rule.counts_days and rule.count_by is not CountBy.DAY:
        raise Refused("days_by_day", field="count_by")

    # counted once a day, no period has room for more than its days
    most = LONGEST_PERIOD_DAYS[rule.period] if rule.once_a_day else MOST_VISITS

    for field, first, last in (
        ("minimum", 1, most),
        ("log_within_days", 0, LONGEST_DAYS),
        ("stay_within_days", 0, LONGEST_DAYS),
    ):
        number = getattr(rule, field)
        if number is not None and not first <= number <= last:
            raise Refused("number_out_of_range", field=field, first=first, last=last)

    if rule.valid_to and rule.valid_to < rule.valid_from:
        raise Refused("last_day_before_first", field="valid_to")


def check_new(db: Session, *, draft: Rule, now: datetime) -> Rule:
    """The draft as it would be added; without a code it is given one.

    Refused as `bad_rule_code`, `rule_code_taken`, `rule_reaches_back`, or as `check_rule` does.
    """
    code = draft.code or _free_code(db, draft)
    if not CODE.fullmatch(code) or len(code) > LONGEST_CODE:
        raise Refused("bad_rule_code", field="code", longest=LONGEST_CODE)
    if code in TAKEN or versions(db, code):
        raise Refused("rule_code_taken", field="code", rule=code)

    draft = replace(draft, code=code)
    check_rule(draft)
    _keep_past(db, draft, [draft.period], now)
    return draft


def add_rule(db: Session, *, draft: Rule, by: Person, now: datetime) -> RuleVersion:
    """Add a rule; refused as `check_new` does, or as `not_yours`."""
    _hold(db, by)
    return _add(db, check_new(db, draft=draft, now=now), by, now)


def check_change(db: Session, *, draft: Rule, now: datetime) -> Rule:
    """The draft as it would hold: from `valid_from` on, up to where the version there ends.

    Refused as `unknown_rule`, `rule_unchanged`, `rule_reaches_back`, or as `check_rule` does.
    """
    if not versions(db, draft.code):
        raise Refused("unknown_rule", rule=draft.code)

    old = version_on(db, draft.code, draft.valid_from)
    draft = replace(draft, valid_to=_end(db, draft, old))
    check_rule(draft)
    _keep_past(db, draft, {draft.period, old.period if old else draft.period}, now)
    if old and as_rule(old) == replace(draft, valid_from=old.valid_from):
        raise Refused("rule_unchanged")
    return draft


def change_rule(db: Session, *, draft: Rule, by: Person, now: datetime) -> RuleVersion:
    """Let the rule be as drafted from `valid_from` on; refused as `check_change` does."""
    _hold(db, by)
    draft = check_change(db, draft=draft, now=now)
    old = version_on(db, draft.code, draft.valid_from)
    if old is None:  # it had ended: from here on it holds again
        return _add(db, draft, by, now)
    if old.valid_from == draft.valid_from:  # it has judged nothing yet: it is corrected
        before, after = changes(old, _values(draft))
        record(
            db, "rule.changed", old, by=by, at=now, before=_as_json(before), after=_as_json(after)
        )
        return old

    was = _as_json(_values(as_rule(old)))
    _set_last(db, old, draft.valid_from - DAY, by, now)

    return _add(db, draft, by, now, was)


def end_rule(db: Session, *, code: str, last_on: date, by: Person, now: datetime) -> RuleVersion:
    """Let the rule hold until that date and no longer.

    Refused as `rule_not_in_force`, `rule_has_later_version`, `rule_reaches_back`.
    """
    _hold(db, by)
    version = version_on(db, code, last_on)
    if version is None:
        raise Refused("rule_not_in_force", field="last_on")
    if later := next_version(db, code, last_on):
        raise Refused("rule_has_later_version", field="last_on", on=later.valid_from)
    if version.valid_to == last_on:
        raise Refused("rule_unchanged", field="last_on")

    earliest = _earliest(db, code, [version.period], now)
    if last_on + DAY < earliest:
        raise Refused("rule_ends_too_early", field="last_on", earliest=earliest - DAY)

    _set_last(db, version, last_on, by, now)

    return version


def withdraw_version(db: Session, *, version: RuleVersion, by: Person, now: datetime) -> None:
    """Take back a version that has judged nothing; the one right before it goes on in its place.

    Refused as `rule_has_judged`, `rule_withdrawn`.
    """
    version_id = version.id
    _hold(db, by)
    if db.get(RuleVersion, version_id, populate_existing=True) is None:
        raise Refused("rule_withdrawn")

    before = version_on(db, version.code, version.valid_from - DAY)
    kinds = {version.period, before.period if before else version.period}
    if version.valid_from < _earliest(db, version.code, kinds, now):
        raise Refused("rule_has_judged")

    last = version.valid_to
    values = _as_json(_values(as_rule(version)))
    record(db, "rule.withdrawn", version, by=by, at=now, before=values)
    db.delete(version)
    db.flush()  # it makes room for the one before
    if before:
        _set_last(db, before, last, by, now)


def _hold(db: Session, by: Person) -> None:
    if by.role not in SYSTEM:
        raise Refused("not_yours")
    hold_edits(db)  # no period is assessed or frozen, and no other rule changed, in between
    # versions read before the wait are read again: another change may have come first
    for read in db.identity_map.values():
        if isinstance(read, RuleVersion):
            db.expire(read)


def _end(db: Session, draft: Rule, old: RuleVersion | None) -> date | None:
    """Where the change ends: with the version that it takes over, or before the next one."""
    if old:
        return old.valid_to
    later = next_version(db, draft.code, draft.valid_from)
    return later.valid_from - DAY if later else None


def _keep_past(db: Session, draft: Rule, kinds: Iterable[PeriodKind], now: datetime) -> None:
    earliest = _earliest(db, draft.code, kinds, now)
    if draft.valid_from < earliest:
        raise Refused("rule_reaches_back", field="valid_from", earliest=earliest)


def _earliest(db: Session, code: str, kinds: Iterable[PeriodKind], now: datetime) -> date:
    return earliest_from(last_judged(db, [code]).get(code), kinds, civil_date(now))


def _free_code(db: Session, draft: Rule) -> str:
    """A code made of the duty and the period, with a number where that is taken."""
    usual = f"{draft.duty}-{draft.period}"
    # one number more than there are codes: one of them is free
    known = {version.code for version in versions(db)}
    return next(
        code
        for code in (usual, *(f"{usual}-{n}" for n in range(2, len(known) + 3)))
        if code not in known
    )


def _add(
    db: Session, draft: Rule, by: Person, now: datetime, was: Mapping[str, object] | None = None
) -> RuleVersion:
    version = RuleVersion(**{"code": draft.code} | _values(draft))
    db.add(version)
    values = _as_json(_values(draft))
    if was is None:
        record(db, "rule.added", version, by=by, at=now, after={"code": draft.code} | values)
        return version
    # a new version of a known rule: the entry holds only what differs
    after = {name: value for name, value in values.items() if value != was[name]}
    before = {name: was[name] for name in after}
    record(db, "rule.changed", version, by=by, at=now, before=before, after=after)
    return version


def _set_last(
    db: Session, version: RuleVersion, last: date | None, by: Person, now: datetime
) -> None:
    before, after = changes(version, {"valid_to": last})
    record(db, "rule.ended", version, by=by, at=now, before=before, after=after)


def _values(rule: Rule) -> dict[str, object]:
    """All that may differ between versions of a rule."""
    return {field.name: getattr(rule, field.name) for field in fields(Rule) if field.name != "code"}


def _as_json(values: Mapping[str, object]) -> dict[str, object]:
    """The values as the audit trail keeps them: a set of codes as a list, in order."""
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in values.items()
    }
