"""No page sends more than a few queries, and none sends more where there are more rows."""

import pytest

from crm.base.mail import Site
from crm.base.remembered import forget
from crm.transactions import transaction
from tests.counting import statements_of
from tests.databases import apart
from tests.factories import sign_in
from tests.filled_zone import PAGES, grow, live

MOST = 12
# a trial run: it makes the digest of everybody as the clock does, and throws it away
ABOVE = {"/admin/clock/weekly-digest/preview": 80}
# the first view after a change reads anew what the process remembered
MOST_ANEW = 20
ABOVE_ANEW = {"/": 52, "/admin/clock/weekly-digest/preview": 85}
PATHS = sorted({path for _, path in PAGES})
PEOPLE = {"shan": "admin", "wu": "supervisor", "yan": "leader", "shen": "recruiter", "gu": "reader"}
FEW, MANY = 2, 8


@pytest.fixture(scope="module")
def counts(kept_databases):
    """The number of queries of each page for each person, with few rows and with many."""
    database = kept_databases("sqlite")
    found = {}
    apart(lambda: _open_all(database, found))
    yield found
    database.wipe()


def _open_all(database, found):
    app = database.fresh_app()
    names = live(database.sessions, Site("https://crm.test", "crm@crm.test"))
    clients = {who: sign_in(app, who) for who in PEOPLE}

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
