"""The pages of channels: added, tried, changed and switched off by an admin."""

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.outbox import Message, State
from crm.extensions import db as database
from crm.jobs.channels.webhook import signature
from crm.mailing.announcing import put_and_announce
from crm.mailing.channel_models import Channel, ChannelHost
from crm.mailing.channel_rules import ChannelKind
from crm.mailing.channel_secrets import opened, seal_all, sealed
from crm.people.rules import Role
from tests.databases import SECRET
from tests.factories import arranged, make_person, sign_in
from tests.jobs.channels.receiver import Answer, receiver
from tests.jobs.channels.work import deliver, make_channel, row_for
from tests.jobs.mail import MessageKind

CHANNELS = "/admin/channels"
TOKEN = "canary-token"


@pytest.fixture
def root(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
        db.add(ChannelHost(host="127.0.0.1", is_internal=True))
    return sign_in(app, "root")


def robot(url, **given):
    return {"name": "招商工作群", "url": url, "is_on": "y", "kinds": ["weekly-digest"]} | given


def only(app, table):
    with arranged(app) as db:
        return db.scalars(select(table)).one()


@pytest.mark.slow_on_postgresql
def test_a_robot_is_tried_and_its_answer_is_shown_in_words(root, app):
    with receiver(Answer(), Answer(body=b'{"errcode": 93000, "errmsg": "invalid"}')) as office:
        added = root.post(f"{CHANNELS}/new/wecom", data=robot(office.url))
        taken = root.post(f"{added.location}/test").text
        refused = root.post(f"{added.location}/test").text

    assert "测试消息已发出：对方已接收" in taken
    assert "测试消息未送达：对方未接收（代码 93000）：机器人地址无效" in refused
    assert "测试消息" in office.received[0].json["markdown"]["content"]


def test_what_is_secret_is_on_no_page_and_in_no_entry_again(root, app):
    data = robot(f"https://127.0.0.1/?token={TOKEN}", secret="SEC-canary")

    added = root.post(f"{CHANNELS}/new/dingtalk", data=data)
    root.post(added.location, data=robot("", name="新名称"))

    pages = [root.get(path).text for path in (CHANNELS, added.location, "/admin/audit")]
    channel = only(app, Channel)
    assert channel.name == "新名称"
    # nor in the database, of which a copy may be stolen
    assert "canary" not in f"{channel.url}{channel.secret}"
    assert TOKEN in opened(channel.url, SECRET)
    assert opened(channel.secret, SECRET) == "SEC-canary"
    with arranged(app) as db:
        entries = [f"{entry.before}{entry.after}" for entry in db.scalars(select(AuditEntry))]
    assert not [text for text in pages + entries if "canary" in text]


def test_what_was_stored_before_is_sealed_once_and_still_sent_over(app, root):
    with receiver() as office:
        with arranged(app) as db:
            make_channel(db, office.url, kind=ChannelKind.DINGTALK, secret="SEC-canary", host="")
        root.post(f"{CHANNELS}/1/test")
        with arranged(app) as db:
            counts = seal_all(db, SECRET), seal_all(db, SECRET)
        stored = only(app, Channel)
        page = root.post(f"{CHANNELS}/1/test").text

    assert counts == (1, 0)
    assert "canary" not in f"{stored.url}{stored.secret}"
    assert "测试消息已发出：对方已接收" in page
    assert ["canary-token" in one.path for one in office.received] == [True, True]


@pytest.mark.slow_on_postgresql
def test_with_another_secret_key_the_page_asks_for_the_channel_anew_and_nothing_is_sent(app, root):
    with receiver() as office:
        with arranged(app) as db:
            channel = make_channel(db, sealed(office.url, "the key of before"), host="")
            put_and_announce(db, [row_for(make_person(db, "li"), MessageKind.WEEKLY)])
        with app.app_context():
            deliver(database.sessionmaker)
        asked = root.post(f"{CHANNELS}/{channel.id}/test", follow_redirects=True).text
        root.post(f"{CHANNELS}/{channel.id}", data=robot(office.url))
        root.post(f"{CHANNELS}/{channel.id}/test")

    assert "密钥（CRM_SECRET_KEY）已更换，请重新填写地址和密钥" in asked
    assert len(office.received) == 1


@pytest.mark.slow_on_postgresql
def test_the_zones_own_system_gets_a_signed_event_and_its_secret_is_shown_once(root):
    with receiver(Answer(status="204 No Content", body=b"")) as office:
        shown = root.post(f"{CHANNELS}/new/webhook", data=robot(office.url, name="门户")).text
        secret = shown.partition('class="secret">')[2].partition("<")[0]

        page = root.post(f"{CHANNELS}/1/test").text

    [event] = office.received
    assert "测试消息已发出：对方已接收（HTTP 204）" in page
    assert secret not in page
    assert event.json["id"] == event.headers["x-crm-delivery"]
    assert event.headers["x-crm-signature"] == signature(
        secret, event.headers["x-crm-timestamp"], event.body
    )


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "请填写此项。"),
        ("ftp://127.0.0.1/", "请填写完整的网址"),
        ("https://user:pass@127.0.0.1/", "请填写完整的网址"),
        ("https://0x7f000001/", "请填写完整的网址"),
        ("https://evil.example.org/", "主机 evil.example.org 不在允许的主机之列"),
        ("http://open.feishu.cn/", "须使用 https"),
        ("https://open.feishu.cn:22/", "只能使用 443 或 8443 端口"),
    ],
)
def test_an_address_that_is_not_allowed_gets_its_sentence(root, app, url, sentence):
    with arranged(app) as db:
        db.add(ChannelHost(host="open.feishu.cn", is_internal=False))

    answer = root.post(f"{CHANNELS}/new/feishu", data=robot(url))

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "招商工作群" in answer.text


def test_what_waits_for_a_channel_that_is_switched_off_is_not_sent(root, app):
    with arranged(app) as db:
        reader = make_person(db, "li")
    added = root.post(f"{CHANNELS}/new/wecom", data=robot("https://127.0.0.1/"))
    with arranged(app) as db:
        put_and_announce(db, [row_for(reader, MessageKind.WEEKLY)])

    off = robot("")
    del off["is_on"]
    root.post(added.location, data=off)

    with arranged(app) as db:
        told = db.scalars(select(Message).where(Message.channel_id.is_not(None))).one()
    assert told.state is State.SKIPPED


def test_a_host_is_listed_and_taken_from_the_list(root, app):
    bad = root.post(f"{CHANNELS}/hosts", data={"host": "https://oa.test/x"})
    twice = root.post(f"{CHANNELS}/hosts", data={"host": "127.0.0.1"})
    root.post(f"{CHANNELS}/hosts", data={"host": "OA.Example.org."})

    page = root.get(CHANNELS).text
    root.post(f"{CHANNELS}/hosts/2/remove")

    assert "请填写主机名" in bad.text
    assert "这个名称已被使用" in twice.text
    assert "oa.example.org" in page
    assert "oa.example.org" not in root.get(CHANNELS).text


def test_nobody_but_an_admin_reaches_these_pages(app, root):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.LEADER)
    boss = sign_in(app, "boss")

    answers = [boss.get(path).status_code for path in (CHANNELS, "/admin/outbox")]

    assert answers == [404, 404]
