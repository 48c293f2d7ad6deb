"""Digests over the API: one's own, each as it was made."""

import pytest

from crm.base.outbox import MessageKind, State
from crm.digests.document import Document, Line, Section
from crm.digests.models import KeptDigest
from crm.people.models import Person
from tests.api.conftest import program_of
from tests.conftest import NOW
from tests.factories import arranged, make_person
from tests.outbox import put

pytestmark = pytest.mark.slow_on_postgresql
WEEKS = ("2026-W27", "2026-W28")


def document(period: str) -> Document:
    return Document(
        paper="周报",
        zone_name="开发区",
        period=period,
        period_name="2026年第28周",
        dates="7月6日至12日",
        made_at="7月13日",
        reader="古同志",
        unit_names=(),
        basis="初步数",
        is_late=False,
        summary=(("拜访", "本周 3 次"),),
        sections=(Section("visits", "拜访", lines=(Line("画布项目", url="/leads/1"),)),),
    )


@pytest.fixture
def made(app, lina):
    with arranged(app) as db:
        gu: Person = make_person(db, "gu")
        for period in WEEKS:
            key = f"weekly-digest:zone:gu:{period}:-"
            put(
                db,
                kind=MessageKind.WEEKLY,
                dedupe_key=key,
                person=gu,
                subject=f"周报{period}",
                text="正文",
                html="<p>正文</p>",
                at=NOW,
                state=State.SENT,
            )
            db.flush()
        db.add(KeptDigest(dedupe_key=key, document=document(period).as_json()))
    return program_of(app, "gu")


def test_ones_own_digests_are_listed_and_read_as_they_were_made(made):
    whole = made.get("/digests").json["items"]
    first = made.get("/digests?limit=1").json
    second = made.get(f"/digests?limit=1&cursor={first['next']}").json
    answer = made.get(f"/digests/{WEEKS[1]}").json

    assert [row["period"] for row in whole] == [*reversed(WEEKS)]
    assert [*first["items"], *second["items"]] == whole
    assert second["next"] is None
    assert answer.items() >= whole[0].items()
    assert answer["text"] == "正文"
    assert answer["document"]["sections"][0]["lines"][0]["text"] == "画布项目"
    assert made.get(f"/digests/{WEEKS[0]}").json["document"] is None
    assert made.get("/digests?kind=monthly-digest").json["items"] == []
    # reading it by a program is not opening it
    assert answer["read_at"] is None


def test_nobody_reads_the_digests_of_another(lina, made):
    assert lina.get("/digests").json["items"] == []
    for period in (WEEKS[1], "2026-Q3", "x"):
        assert lina.get(f"/digests/{period}").status_code == 404
