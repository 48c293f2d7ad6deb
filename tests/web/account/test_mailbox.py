"""The mailbox: one's own messages, shown in a frame with a policy of its own."""

import pytest
from sqlalchemy import select

from crm.base.outbox import Message, MessageKind
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in
from tests.outbox import put


def post(db, person, number=1):
    put(
        db,
        kind=MessageKind.NUDGE,
        dedupe_key=f"nudge:deputy-monthly:{person.username}:2026-07:{number}",
        person=person,
        subject=f"进度提醒{number}",
        text="正文文字",
        html="<p style='color: #111111'>正文网页</p>",
        at=NOW,
    )
    return db.scalar(select(Message.id).order_by(Message.id.desc()).limit(1))


@pytest.fixture
def letter(app):
    with arranged(app) as db:
        make_person(db, "zhao")
        return post(db, make_person(db, "liwei"))


def test_a_persons_messages_are_listed(app, letter):
    page = sign_in(app, "liwei").get("/mailbox").text

    assert "进度提醒1" in page
    assert "未读" in page


def test_an_empty_mailbox_says_when_mail_comes(app, letter):
    assert "暂无邮件" in sign_in(app, "zhao").get("/mailbox").text


def test_older_messages_are_on_the_next_page(app, letter):
    with arranged(app) as db:
        owner = make_person(db, "qian")
        for number in range(35):
            post(db, owner, number)
    client = sign_in(app, "qian")

    first = client.get("/mailbox").text
    older = first.split('rel="next" href="')[1].split('"')[0]

    assert "进度提醒34" in first
    assert "进度提醒0<" in client.get(older).text


def test_opening_a_message_marks_it_as_read(app, letter):
    client = sign_in(app, "liwei")

    page = client.get(f"/mailbox/{letter}").text

    assert f'src="/mailbox/{letter}/body"' in page
    assert "sandbox=" in page
    assert "正文文字" in page
    assert "未读" not in client.get("/mailbox").text


def test_the_body_has_its_own_content_security_policy(app, letter):
    answer = sign_in(app, "liwei").get(f"/mailbox/{letter}/body")

    policy = answer.headers["Content-Security-Policy"]
    assert "正文网页" in answer.text
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert "frame-ancestors 'self'; sandbox" in policy


@pytest.mark.parametrize("ending", ["", "/body"])
def test_other_people_get_404(app, letter, ending):
    assert sign_in(app, "zhao").get(f"/mailbox/{letter}{ending}").status_code == 404


@pytest.mark.parametrize("path", ["/mailbox", "/mailbox/1", "/mailbox/1/body"])
def test_anonymous_visitors_are_redirected_to_the_login(client, path):
    assert "/login" in client.get(path).location
