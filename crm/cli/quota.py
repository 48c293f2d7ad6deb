"""`crm quota`: figures of a period, their explanation, and the back-test of draft rules."""

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
from crm.quotas.backtest import Comparison, Counts, counts
from crm.quotas.backtest import backtest as compare
from crm.quotas.figure_rows import as_row
from crm.quotas.queries import PersonFigure, figure_of, figures, rule_codes, working_calendar
from crm.quotas.rules import Figure, basis_of

# REGIME 4: an estimated calendar is said wherever its figures are shown.
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
# added where the period is frozen
FROZEN_KEYS = ("frozen_at", "corrected_required", "corrected_achieved", "corrected_status")

SUMMARY_KEYS = ("rule", "period", *(field.name for field in fields(Counts)))
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
    """Show the figures of a period, explain one, or back-test draft rules."""


@quota.command()
@click.option("--period", type=PeriodName(), required=True, help="2026-W30, 2026-07 …")
@click.option("--rule", "code", help="Only this rule.")
@click.option("--as-of", type=Moment(), help="As known at this moment; by default now.")
@format_option
def report(period: Period, code: str | None, as_of: datetime | None, form: str) -> None:
    """Print the figures of everyone who owes a quota in the period."""
    with reading() as db:
        codes = None if code is None else [_known_code(db, code)]
        person_figures = figures(db, period=period, as_of=as_of or clock.now(), codes=codes)
        estimated, since = working_calendar(db).is_estimated(period), began_on(db)

    is_frozen = any(entry.figure.settled for entry in person_figures)
    rows = [
        as_row(entry)
        | {
            # a frozen figure does not change with the calendar any more
            "estimated": estimated and not entry.figure.settled,
            "basis": basis_of([entry.figure], period, since).value,
        }
        | (frozen_columns(entry.figure) if is_frozen else {})
        for entry in person_figures
    ]
    if any(row["estimated"] for row in rows):
        click.echo(ESTIMATED, err=True)

    print_rows(rows, KEYS + FROZEN_KEYS if is_frozen else KEYS, form)


@quota.command()
@click.option("--rule", "code", required=True, help="The rule's code.")
@click.option("--person", "username", required=True, help="The username.")
@click.option("--period", type=PeriodName(), required=True, help="2026-W30, 2026-07 …")
@click.option("--as-of", type=Moment(), help="As known at this moment; by default now.")
def explain(code: str, username: str, period: Period, as_of: datetime | None) -> None:
    """Print a figure as JSON, with the visits that counted, and those that did not and why."""
    with reading() as db:
        person_figure = _figure(db, code, username, period=period, as_of=as_of or clock.now())
        estimated = working_calendar(db).is_estimated(period) and not person_figure.figure.settled
        basis = basis_of([person_figure.figure], period, began_on(db))
    explained = as_explanation(person_figure) | {"estimated": estimated, "basis": basis.value}
    click.echo(json.dumps(explained, ensure_ascii=False, indent=2))


@quota.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "first", type=PeriodName(), required=True, help="2026-01, 2026-W01 …")
@click.option("--to", "last", type=PeriodName(), required=True, help="2026-06, 2026-W26 …")
@click.option("--summary", is_flag=True, help="Only how many met it, by rule and period.")
@format_option
def backtest(*, file: Path, first: Period, last: Period, summary: bool, form: str) -> None:
    """Print the figures of past periods under the draft rules of FILE, beside the actual ones.

    FILE is YAML in the format of seeds/regime.yaml. Each rule is applied to the periods of its own
    kind within the dates. Nothing is changed.
    """
    if last.last < first.first:
        raise click.UsageError("--to 早于 --from。")

    drafts = read_rules(file, since=first.first)

    with reading() as db:
        comparisons = compare(
            db, drafts, first=first.first, last=last.last, now=clock.now(), since=began_on(db)
        )
        calendar = working_calendar(db)
        if any(calendar.is_estimated(period) for period in {row.period for row in comparisons}):
            click.echo(ESTIMATED, err=True)

    if summary or form == "table":
        print_rows([*_summaries(comparisons)], SUMMARY_KEYS, form)

    if not summary:
        print_rows([_comparison_row(row) for row in comparisons], COMPARED_KEYS, form)


def _summaries(comparisons: Sequence[Comparison]) -> Iterator[dict[str, object]]:
    by_period = groupby(comparisons, key=lambda row: (row.rule.code, row.period.name))
    for (code, period), rows in by_period:
        yield {"rule": code, "period": period} | asdict(counts(rows))


def _comparison_row(compared: Comparison) -> dict[str, object]:
    """Both figures side by side; empty where there was, or would be, no quota."""
    row: dict[str, object] = {
        "rule": compared.rule.code,
        "person": compared.username,
        "unit": compared.unit_code,
        "period": compared.period.name,
        "frozen": compared.is_frozen,
        "basis": compared.basis.value,
        "changed": compared.is_changed,
    }

    for name, figure in (("was", compared.was), ("would", compared.would)):
        row |= {
            f"{name}_required": figure and figure.required,
            f"{name}_achieved": figure and figure.achieved,
            f"{name}_status": figure and figure.status.value,
        }

    return row


def frozen_columns(figure: Figure) -> dict[str, object]:
    """When the figure was frozen, and its latest correction; None where there is none."""
    settled = figure.settled
    corrected = settled and settled.corrected
    return {
        "frozen_at": settled and clock.civil(settled.frozen_at).isoformat(),
        "corrected_required": corrected and corrected.required,
        "corrected_achieved": corrected and corrected.achieved,
        "corrected_status": corrected and corrected.status.value,
    }


def as_explanation(person_figure: PersonFigure) -> dict[str, object]:
    """The figure with the visits that counted, and those that did not and why."""
    figure = person_figure.figure
    settled = frozen_columns(figure) if figure.settled else {}

    return (
        as_row(person_figure)
        | settled
        | {
            "counted": [{"visit": part.visit.ref, "days": part.days} for part in figure.counted],
            "not_counted": [
                {"visit": part.visit.ref, "reason": part.reason.value, "days": part.days}
                for part in figure.not_counted
            ],
        }
    )


def _known_code(db: Session, code: str) -> str:
    if code not in rule_codes(db):
        raise Refused("unknown_rule", "rule", rule=code)
    return code


def _figure(
    db: Session, code: str, username: str, *, period: Period, as_of: datetime
) -> PersonFigure:
    person = by_username(db, username)
    if person is None:
        raise Refused("unknown_person", "person", person=username)
    person_figure = figure_of(
        db, code=_known_code(db, code), person_id=person.id, period=period, as_of=as_of
    )
    if person_figure is None:
        raise Refused("no_figure", rule=code, person=person.username, period=period)
    return person_figure
