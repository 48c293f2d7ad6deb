"""`crm quota`: everybody's figures, and why a figure is what it is."""

import json
from datetime import datetime

import click
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.cli.base import Moment, PeriodName, format_option, print_rows, reading
from crm.people.queries import by_username
from crm.quotas.queries import PersonFigure, figure_of, figures, rule_codes
from crm.quotas.rules import Figure

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
)
# beside them where the period is frozen: when, and what the latest correction came to
SETTLED_KEYS = ("frozen_at", "corrected_required", "corrected_achieved", "corrected_status")


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
    is_settled = any(each.figure.settled for each in found)
    rows = [as_row(each) | (as_settled(each.figure) if is_settled else {}) for each in found]
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
    click.echo(json.dumps(as_explanation(found), ensure_ascii=False, indent=2))


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
