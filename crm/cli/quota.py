"""`crm quota`: everybody's figures, and why a figure is what it is."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from itertools import groupby
from pathlib import Path

import click
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.cli.base import Moment, PeriodName, format_option, print_rows, reading
from crm.cli.rules_file import read_rules
from crm.jobs.ledger import began_on
from crm.people.queries import by_username
from crm.quotas.backtest import Compared, Counts, counts
from crm.quotas.backtest import backtest as compare
from crm.quotas.queries import PersonFigure, figure_of, figures, rule_codes, working_calendar
from crm.quotas.rules import Figure, basis_of

ESTIMATED = "注意：工作日历部分为估算（国务院尚未公布放假安排），公布后应完成数可能变化。"
KEYS = (
    "rule",
    "person",
    "unit",
    "period",
    "required",
    "achieved",
    "planned",
    "pace",
    "status",
    "workdays",
    "present",
    "estimated",
    "basis",
)
# beside them where the period is frozen: when, and what the latest correction came to
SETTLED_KEYS = ("frozen_at", "corrected_required", "corrected_achieved", "corrected_status")

SUMMARY_KEYS = ("rule", "period", *(each.name for each in fields(Counts)))
COMPARED_KEYS = (
    "rule",
    "person",
    "unit",
    "period",
    "was_required",
    "was_achieved",
    "was_status",
    "would_required",
    "would_achieved",
    "would_status",
    "changed",
    "frozen",
    "basis",
)


@click.group()
def quota() -> None:
    """Quotas: the figures of a period, and what they rest on."""


@quota.command()
@click.option("--period", type=PeriodName(), required=True, help="2026-W30, 2026-07 …")
@click.option("--rule", "code", help="Only this rule.")
@click.option("--as-of", type=Moment(), help="As known at this moment; now when left out.")
@format_option
def report(period: Period, code: str | None, as_of: datetime | None, form: str) -> None:
    """Print the figures of everyone who owes a quota in the period."""
    with reading() as db:
        codes = None if code is None else [_known(db, code)]
        found = figures(db, period=period, as_of=as_of or clock.now(), codes=codes)
        estimated, since = working_calendar(db).is_estimated(period), began_on(db)

    is_settled = any(each.figure.settled for each in found)
    rows = [
        as_row(each)
        | {
            "estimated": estimated and not each.figure.settled,
            "basis": basis_of([each.figure], period, since).value,
        }
        | (as_settled(each.figure) if is_settled else {})
        for each in found
    ]
    if any(row["estimated"] for row in rows):
        click.echo(ESTIMATED, err=True)

    print_rows(rows, KEYS + SETTLED_KEYS if is_settled else KEYS, form)


@quota.command()
@click.option("--rule", "code", required=True, help="The rule's code.")
@click.option("--person", "username", required=True, help="The username.")
@click.option("--period", type=PeriodName(), required=True, help="2026-W30, 2026-07 …")
@click.option("--as-of", type=Moment(), help="As known at this moment; now when left out.")
def explain(code: str, username: str, period: Period, as_of: datetime | None) -> None:
    """Print, as JSON, which visits counted, and which did not and why."""
    with reading() as db:
        found = _figure(db, code, username, period=period, as_of=as_of or clock.now())
        estimated = working_calendar(db).is_estimated(period) and not found.figure.settled
        basis = basis_of([found.figure], period, began_on(db))
    explained = as_explanation(found) | {"estimated": estimated, "basis": basis.value}
    click.echo(json.dumps(explained, ensure_ascii=False, indent=2))


@quota.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "first", type=PeriodName(), required=True, help="2026-01, 2026-W01 …")
@click.option("--to", "last", type=PeriodName(), required=True, help="2026-06, 2026-W26 …")
@click.option("--summary", is_flag=True, help="Only how many met it, by rule and period.")
@format_option
def backtest(*, file: Path, first: Period, last: Period, summary: bool, form: str) -> None:
    """Print what the draft rules of FILE would have said of past periods, beside what was said.

    FILE is YAML in the shape of seeds/regime.yaml; each rule takes the periods of its own kind
    that lie within the dates. Nothing is changed.
    """
    if last.last < first.first:
        raise click.UsageError("--to 早于 --from。")

    drafts = read_rules(file, since=first.first)

    with reading() as db:
        found = compare(
            db, drafts, first=first.first, last=last.last, now=clock.now(), since=began_on(db)
        )
        calendar = working_calendar(db)
        if any(calendar.is_estimated(period) for period in {each.period for each in found}):
            click.echo(ESTIMATED, err=True)

    if summary or form == "table":
        print_rows([*_summaries(found)], SUMMARY_KEYS, form)

    if not summary:
        print_rows([_as_compared(each) for each in found], COMPARED_KEYS, form)


def _summaries(found: Sequence[Compared]) -> Iterator[dict[str, object]]:
    for (code, period), some in groupby(found, key=lambda one: (one.rule.code, one.period.name)):
        yield {"rule": code, "period": period} | asdict(counts(some))


def _as_compared(each: Compared) -> dict[str, object]:
    """Both figures side by side; empty where nothing was, or would be, asked."""
    row: dict[str, object] = {
        "rule": each.rule.code,
        "person": each.username,
        "unit": each.unit_code,
        "period": each.period.name,
        "frozen": each.is_frozen,
        "basis": each.basis.value,
        "changed": each.is_changed,
    }

    for name, said in (("was", each.was), ("would", each.would)):
        row |= {
            f"{name}_required": said and said.required,
            f"{name}_achieved": said and said.achieved,
            f"{name}_status": said and said.status.value,
        }

    return row


def as_row(found: PersonFigure) -> dict[str, object]:
    """The figure as the commands tell it: people by username, units by code."""
    figure = found.figure

    return {
        "rule": figure.rule.code,
        "person": found.username,
        "unit": found.unit_code,
        "period": figure.period.name,
        "required": figure.required,
        "achieved": figure.achieved,
        "planned": figure.planned,
        "pace": figure.pace,
        "status": figure.status.value,
        "workdays": figure.workdays,
        "present": figure.present,
    }


def as_settled(figure: Figure) -> dict[str, object]:
    """When the figure was frozen, and what it is by its latest correction; else nothing."""
    settled = figure.settled
    corrected = settled and settled.corrected
    return {
        "frozen_at": settled and clock.civil(settled.frozen_at).isoformat(),
        "corrected_required": corrected and corrected.required,
        "corrected_achieved": corrected and corrected.achieved,
        "corrected_status": corrected and corrected.status.value,
    }


def as_explanation(found: PersonFigure) -> dict[str, object]:
    """The figure with each visit that counted, and each that did not and why."""
    figure = found.figure
    settled = as_settled(figure) if figure.settled else {}

    return (
        as_row(found)
        | settled
        | {
            "counted": [{"visit": part.visit.ref, "days": part.days} for part in figure.counted],
            "not_counted": [
                {"visit": part.visit.ref, "reason": part.reason.value, "days": part.days}
                for part in figure.not_counted
            ],
        }
    )


def _known(db: Session, code: str) -> str:
    if code not in rule_codes(db):
        raise Refused("unknown_rule", "rule", rule=code)
    return code


def _figure(
    db: Session, code: str, username: str, *, period: Period, as_of: datetime
) -> PersonFigure:
    person = by_username(db, username)
    if person is None:
        raise Refused("unknown_person", "person", person=username)
    found = figure_of(db, code=_known(db, code), person_id=person.id, period=period, as_of=as_of)
    if found is None:
        raise Refused("no_figure", rule=code, person=person.username, period=period)
    return found
