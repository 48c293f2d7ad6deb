"""Measure the search for duplicates among 100,000 companies: `python -m bench.duplicates`.

Invented companies with contacts and one lead each, on both databases. Entries are asked for as a
form asks while one types: names like others, parts of names, codes, telephones and new names.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

import click
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench import zone
from bench.report import table
from crm.app import create_app
from crm.base import clock
from crm.base.db import writing
from crm.base.names import folded, search_text
from crm.cli.init import install
from crm.extensions import db as database
from crm.leads import search_index
from crm.leads.companies import LeadScope
from crm.leads.company_names import normal_form
from crm.leads.duplicates import Entered, duplicates
from crm.leads.models import Company, Contact, Lead, Milestone
from crm.leads.rules import Secrecy, Stage
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.settings import Settings
from tests.postgres import Postgres

SECRET = "signs the cookies of the bench and nothing else"  # noqa: S105 - as it says
PLACES = ("", "江苏", "上海", "南通", "苏州", "深圳", "北京", "浙江", "无锡", "广东省佛山市")
FIRST = "华天云海青禾长风锦程远山明德鼎新瑞恒盛达科宏泰安博雅凯隆中正源通力众诚信和"
TRADES = ("电子", "半导体", "生物医药", "新材料", "智能装备", "数据", "软件", "精密机械", "光电")
FORMS = ("科技有限公司", "股份有限公司", "集团有限公司", "有限公司", "实业有限公司")
HIDDEN = 20  # one lead in so many is restricted
GOAL = 150  # milliseconds
NAMES = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄")


def company_name(number: int) -> str:
    """The name of a company, the same at each run."""
    rng = Random(number)
    core = "".join(rng.choice(FIRST) for _ in range(rng.choice((2, 2, 3, 4))))
    return f"{rng.choice(PLACES)}{core}{rng.choice(TRADES)}{rng.choice(FORMS)}"


def fill(db: Session, count: int, today: date) -> None:
    """Insert the companies, each with a contact and a lead."""
    at = clock.at_civil(today)
    names: dict[str, None] = {}
    number = 0
    while len(names) < count:
        number += 1
        names[company_name(number)] = None

    kept = list(enumerate(names, start=1))
    zone._insert(db, Company, (_company(row_id, name, at) for row_id, name in kept))  # noqa: SLF001
    zone._insert(db, Lead, (_lead(row_id, name, today, at) for row_id, name in kept))  # noqa: SLF001
    zone._insert(db, Contact, (_contact(row_id, at) for row_id, _ in kept))  # noqa: SLF001
    zone._insert(db, Milestone, (_milestone(row_id, today, at) for row_id, _ in kept))  # noqa: SLF001
    search_index.rebuild(db)


def _company(row_id: int, name: str, at: object) -> zone.Row:
    return {
        "id": row_id,
        "name": name,
        "folded": folded(name),
        "normal": normal_form(name),
        "search": search_text(name),
        "credit_code": f"9132{row_id:014d}",
        "group_name": f"{name[:4]}集团" if row_id % 10 == 0 else None,
        "country": None,
        "created_at": at,
    }


def _lead(row_id: int, name: str, today: date, at: object) -> zone.Row:
    is_hidden = row_id % HIDDEN == 0
    return {
        "id": row_id,
        "ref": f"L-bench-{row_id}",
        "company_id": row_id,
        "title": f"{name}项目",
        "search": folded(name),
        "stage": Stage.LEAD,
        "secrecy": Secrecy.RESTRICTED if is_hidden else Secrecy.OPEN,
        "code_name": f"代号{row_id}" if is_hidden else None,
        "entered_on": today,
        "entered_at": at,
    }


def _contact(row_id: int, at: object) -> zone.Row:
    name = NAMES[row_id % len(NAMES)] + FIRST[row_id % len(FIRST)]
    phone = f"139{row_id:08d}"
    return {"company_id": row_id, "lead_id": row_id, "name": name, "phone": phone, "created_at": at}


def _milestone(row_id: int, today: date, at: object) -> zone.Row:
    kind = Stage.LEAD
    return {"lead_id": row_id, "kind": kind, "reached_on": today, "entered_at": at}


def entries(count: int) -> Iterator[tuple[str, Entered]]:
    """What is asked, with what it is called in the table."""
    rng = Random(7)
    for _ in range(20):
        number = rng.randint(1, count)
        name = company_name(number)
        yield "a known name, written otherwise", Entered(name=f"{name[:-4]}（中国）股份有限公司")
        yield "a part of a name", Entered(name=name[2:7])
        yield "words of many names", Entered(name=rng.choice(("智能装备科技", "精密机械实业")))
        yield "a new name", Entered(name=f"奇{number}点睛之笔航天动力有限公司")
        yield (
            "name, code, telephone, contact and group",
            Entered(
                name=name,
                credit_code=f"9132{number:014d}",
                phone=f"139{number:08d}",
                contact=NAMES[number % len(NAMES)] + FIRST[number % len(FIRST)],
                group_name=f"{name[:4]}集团",
            ),
        )


def measure(db: Session, count: int) -> dict[str, list[float]]:
    """Milliseconds of each kind of question."""
    person = db.get_one(Person, zone.FIRST_RECRUITER)
    on = clock.civil_date(clock.now())
    times: dict[str, list[float]] = {}

    for title, entered in entries(count):
        begun = clock.monotonic()
        duplicates(db, entered, LeadScope(viewer(db, person, on), on))
        times.setdefault(title, []).append((clock.monotonic() - begun) * 1000)

    return times


def prepared(url: str, folder: Path, count: int) -> dict[str, list[float]]:
    """The times on a database of that URL; empty: SQLite in the folder."""
    now = clock.now()
    app = create_app(Settings(data=folder, database_url=url, secret_key=SECRET))
    with app.app_context():
        install(database.sessionmaker, clock_from=now)
        with writing(database.sessionmaker) as db:
            units = dict(db.execute(text("SELECT code, id FROM unit")).all())
            today = clock.civil_date(now)
            zone.fill_people(db, 60, units, today, begun=today)
            fill(db, count, today)
        with database.sessionmaker() as db:
            if url:
                db.execute(text("ANALYZE"))
                db.commit()
            measure(db, count)  # a first pass fills the caches
            times = measure(db, count)
        database.engine.dispose()
    return times


@click.command()
@click.option("--companies", default=100_000, show_default=True)
def main(*, companies: int) -> None:
    """Print the times on both databases."""
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(Postgres())
        engine = create_engine(f"{server.url}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE duplicates"))
        for kind, url in (("SQLite", ""), ("PostgreSQL", f"{server.url}/duplicates")):
            place = folder / kind
            place.mkdir()
            for title, times in prepared(url, place, companies).items():
                rows.append((kind, title, f"{median(times):.0f}", f"{max(times):.0f}", GOAL))
        engine.dispose()

    head = ("database", "entered", "median, ms", "longest, ms", "goal, ms")
    click.echo(f"{companies:,} companies.\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
