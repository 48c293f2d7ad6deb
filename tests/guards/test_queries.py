"""No page sends more than a few queries, and none sends more where there are more rows.

They are counted on SQLite; that each page opens on PostgreSQL too is seen beside it.
"""

import pytest
import time_machine

from crm.base.mail import Site
from crm.base.remembered import forget
from crm.transactions import transaction
from tests.conftest import NOW
from tests.counting import statements_of
from tests.databases import apart
from tests.factories import sign_in
from tests.filled_zone import PAGES, grow, live

MOST = 12
# a trial run makes the digest of everybody as the clock does, and throws it away; the search asks
# seven kinds of record
ABOVE = {"/admin/clock/weekly-digest/preview": 100, "/search?q=项目": 18}
# the first view after a change reads anew what the process remembered
MOST_ANEW = 20
# a lead gathers claims, problems, files, amounts, sites, merges and own fields, each remembered by
# itself; a merge asks each table that refers to the record; a plan judges figures and reads leads
ABOVE_ANEW = {
    "/": 74,
    "/targets": 25,
    "/search?q=项目": 21,
    "/admin/clock/weekly-digest/preview": 106,
    "/leads/{lead}": 29,
    "/merges/{merge}": 28,
    "/visits/plan": 24,
    "/visits/plan?person=shen": 27,
}
PATHS = sorted({path for _, path in PAGES})
PEOPLE = {"shan": "admin", "wu": "supervisor", "yan": "leader", "shen": "recruiter", "gu": "reader"}
FEW, MANY = 2, 8


@pytest.fixture(scope="module")
def counts(kept_databases):
    """The number of queries of each page for each person, with few rows and with many."""
    database = kept_databases("sqlite")
    found = {}
    with time_machine.travel(NOW, tick=False):
        apart(lambda: _open_all(database, found))
    yield found
    database.wipe()


@pytest.fixture(scope="module")
def answers(kept_databases):
    """The status of each page for each person on PostgreSQL, with many rows."""
    database = kept_databases("postgresql")
    found = {}
    with time_machine.travel(NOW, tick=False):
        apart(lambda: _open_each(database, found))
    yield found
    database.wipe()


def _open_each(database, found):
    _, names, clients = _lived(database)
    with transaction(database.sessions) as db:
        grow(db, MANY)

    for who, client in clients.items():
        for path in PATHS:
            found[who, path] = client.get(path.format(**names)).status_code


def _lived(database):
    """The application on the zone, the names in its addresses, and a client for each person."""
    app = database.fresh_app()
    names = live(database.sessions, Site("https://crm.test", "crm@crm.test"))
    return app, names, {who: sign_in(app, who) for who in PEOPLE}


def _open_all(database, found):
    app, names, clients = _lived(database)

    for size in (FEW, MANY):
        with transaction(database.sessions) as db:
            grow(db, size)
        for who, client in clients.items():
            for path in PATHS:
                forget()
                address = path.format(**names)
                anew, again = _count(app, client, address), _count(app, client, address)
                found[who, path, size] = anew, again


def _count(app, client, path):
    """How many queries the page sends; none where the person may not open it."""
    with statements_of(app) as statements:
        answer = client.get(path)
    queries = [statement for statement in statements if not statement.startswith("BEGIN")]
    return len(queries) if answer.status_code == 200 else 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("who", PEOPLE, ids=PEOPLE.get)
def test_a_page_sends_few_queries_however_many_rows_it_has(counts, who, path):
    (few_anew, few), (many_anew, many) = (counts[who, path, size] for size in (FEW, MANY))

    assert few <= ABOVE.get(path, MOST)
    assert many <= few
    assert few_anew <= ABOVE_ANEW.get(path, MOST_ANEW)
    assert many_anew <= few_anew


def test_each_page_opens_on_postgresql_for_whom_it_opens_on_sqlite(answers, counts):
    opened = {key for key, status in answers.items() if status == 200}

    assert set(answers.values()) <= {200, 302, 303, 403, 404}
    assert opened == {(who, path) for (who, path, size), (anew, _) in counts.items() if anew}
