"""Measure imports of leads against bare reading and inserting: `python -m bench.lead_imports`.

As `bench.imports` does for visits: into a full zone, of new and known companies, with a
second process that writes all the time.
"""

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench import zone
from bench.imports import NAME, SECRET, Side, compare, import_bare, report, sessions_of
from crm.app import create_app
from crm.base import clock
from crm.base.db import writing
from crm.cli import no_garbage_collection
from crm.cli.init import install
from crm.extensions import db as database
from crm.leads.imports import check_leads, keep_leads
from crm.settings import Settings
from crm.transactions import transaction

LEADS = 5_000
HEAD = (
    *("ref", "company", "title", "stage", "industry", "source", "amount", "currency", "tracker"),
    *("contact", "contact_phone", "entered_on", "note", "following_on", "negotiating_on"),
    *("credit_code", "park", "unit", "leader"),
)


def prepare(folder: Path, *, scale: float, count: int) -> list[Path]:
    """A zone, and the file to import; each fifth lead is of a company that is known."""
    now = clock.now()
    app = create_app(Settings(data=folder, database_url="", secret_key=SECRET))
    with app.app_context():
        install(database.sessionmaker, clock_from=now)
        with writing(database.sessionmaker) as db:
            zone.fill(db, scale=scale, now=now)
        database.engine.dispose()

    file = folder / "leads.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEAD)
        writer.writerows(_row(number, scale, clock.civil_date(now)) for number in range(count))
    return [file]


def _row(number: int, scale: float, today: date) -> tuple[object, ...]:
    known, entered_on = number % zone.lead_count(scale) + 1, today - timedelta(days=90)
    company = zone.company_name(known if number % 5 == 0 else 1_000_000 + number)
    tracker = zone.username(8 + number % (zone.people_count(scale) - 8))
    dates = (entered_on + timedelta(days=10), entered_on + timedelta(days=30))
    return (
        *(f"I{number:07}", company, f"{company[:4]}项目{number}", "在谈", "", "驻点招商走访"),
        *("2.5亿元", "元", tracker, f"王{number}", f"139{number:08}", entered_on, "来访两次"),
        *(*dates, "", "", "", ""),
    )


def import_by_product(path: Path, files: Sequence[Path]) -> None:
    """What `crm import leads` does with the file."""
    sessions = sessions_of(path)
    for file in files:
        with no_garbage_collection():
            now, content = clock.now(), file.read_bytes()
            with sessions() as db:
                checked = check_leads(db, content=content, by=None, now=now)
            with transaction(sessions) as db:
                keep_leads(db, file=checked, by=None, now=now)


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of a zone.")
@click.option("--count", default=LEADS, show_default=True, help="Leads in the file.")
@click.option("--passes", default=5, show_default=True)
def main(*, scale: float, count: int, passes: int) -> None:
    """Import in turn with the product and the floor; print the results."""
    product = Side("import of leads", "1 s", import_by_product)
    floor = Side("bare reading and inserting", "", import_bare)

    with TemporaryDirectory() as folder:
        files = prepare(Path(folder), scale=scale, count=count)
        compare(product, floor, Path(folder) / NAME, files, rows=count, passes=passes)

    click.echo(f"{count:,} leads in a file; {zone.size(scale)}.\n")
    click.echo(report(product, floor))


if __name__ == "__main__":
    main()
