"""The list of the digests that a person received."""

import pytest

from crm.base.outbox import MessageKind, State
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in
from tests.outbox import put


@pytest.fixture
def digests(app):
    with arranged(app) as db:
        make_person(db, "zhao")
        person = make_person(db, "liwei")
        for kind, period, state in (
            (MessageKind.WEEKLY, "2026-W27", State.SKIPPED),
            (MessageKind.WEEKLY, "2026-W28", State.SENT),
            (MessageKind.MONTHLY, "2026-06", State.SENT),
            (MessageKind.NUDGE, "2026-07", State.SENT),
        ):
            put(
                db,
                kind=kind,
                dedupe_key=f"{kind.value}:zone:liwei:{period}:-",
                person=person,
                subject=f"{kind.label}{period}",
                text="正文",
                html="<p>正文</p>",
                at=NOW,
                state=state,
            )


def test_digests_are_listed_by_period(app, digests):
    page = sign_in(app, "liwei").get("/digests").text

    assert "2026年第28周 周报" in page
    assert "2026年6月 月报" in page
    assert "补发留存" in page
    assert "进度提醒" not in page


def test_the_list_can_be_limited_to_a_kind(app, digests):
    page = sign_in(app, "liwei").get("/digests?kind=monthly-digest").text

    assert "2026年6月 月报" in page
    assert "周 周报" not in page


def test_other_peoples_digests_are_not_listed(app, digests):
    assert "还没有周报月报" in sign_in(app, "zhao").get("/digests").text


def test_anonymous_visitors_are_redirected_to_the_login(client):
    assert "/login" in client.get("/digests").location
