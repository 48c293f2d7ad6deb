"""The digests that a person received: their list, and each as a page."""

from http import HTTPStatus

import pytest

from crm.base.outbox import MessageKind, State
from crm.digests.document import Document, Line, Section
from crm.digests.models import KeptDigest
from crm.people.queries import by_username
from crm.people.rules import Role
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
    assert "暂无周报月报" in sign_in(app, "zhao").get("/digests").text


def test_anonymous_visitors_are_redirected_to_the_login(client):
    assert "/login" in client.get("/digests").location


DOCUMENT = Document(
    paper="周报",
    zone_name="滨海开发区",
    period="2026-W28",
    period_name="2026年第28周",
    dates="7月6日至12日",
    made_at="7月13日 07:30",
    reader="李伟",
    unit_names=("滨海开发区",),
    basis="初步数",
    is_late=False,
    summary=(("签约", "当周 1 个"),),
    sections=(Section("people", "任务完成明细", lines=(Line("<赵>", value="0/1 次"),), in_mail=0),),
)


@pytest.fixture
def kept(app, digests):
    with arranged(app) as db:
        key = "weekly-digest:zone:liwei:2026-W28:-"
        db.add(KeptDigest(dedupe_key=key, document=DOCUMENT.as_json()))


def test_a_digest_opens_as_a_page_of_its_own_and_whole(app, kept):
    page = sign_in(app, "liwei").get("/digests/2026-W28").text

    assert '<section class="card digest-section" id="people"' in page
    assert "&lt;赵&gt;" in page
    assert "单位：滨海开发区" in page
    assert "<iframe" not in page


def test_a_reader_finds_the_newest_digest_on_my_day(app, digests):
    with arranged(app) as db:
        by_username(db, "liwei").role = Role.READER
        key = "monthly-digest:zone:liwei:2026-06:-"
        db.add(KeptDigest(dedupe_key=key, document=DOCUMENT.as_json()))

    page = sign_in(app, "liwei").get("/").text

    assert "2026年6月 月报" in page
    assert "当周 1 个" in page
    assert 'href="/digests/2026-06"' in page


def test_paper_says_by_whom_and_when_it_was_printed(app, kept):
    page = sign_in(app, "liwei").get("/digests/2026-W28").text

    assert "打印：2026年7月15日 10:00 · liwei同志" in page


def test_the_mailbox_leads_to_that_page(app, kept):
    liwei = sign_in(app, "liwei")
    link = liwei.get("/digests").text.partition('href="/digests/2026-W28"')[1]

    assert link
    assert liwei.get("/mailbox/2").location == "/digests/2026-W28"


def test_opening_it_marks_it_as_read(app, kept):
    liwei = sign_in(app, "liwei")
    liwei.get("/digests/2026-W28")

    assert liwei.get("/digests").text.count("未读") == 2


def test_a_digest_of_before_is_shown_as_its_mail(app, digests):
    liwei = sign_in(app, "liwei")

    answer = liwei.get("/digests/2026-06", follow_redirects=True)

    assert answer.request.path.startswith("/mailbox/")
    assert "<iframe" in answer.text


@pytest.mark.parametrize("name", ["2026-W28", "2026-Q3", "gibberish"])
def test_whoever_got_none_finds_no_page(app, kept, name):
    assert sign_in(app, "zhao").get(f"/digests/{name}").status_code == HTTPStatus.NOT_FOUND


def test_anonymous_visitors_of_a_digest_are_redirected_to_the_login(client):
    assert "/login" in client.get("/digests/2026-W28").location
