"""The page of the mail server, against servers on sockets."""

import pytest
from aiosmtpd.smtp import AuthResult
from sqlalchemy import select

from crm.jobs.models import MailServer
from crm.people.rules import Role
from tests.factories import arranged, make_person, sign_in
from tests.jobs.mail import post_office

PASSWORD = "shou-quan-ma-8841"


@pytest.fixture
def admin(app):
    with arranged(app) as db:
        make_person(db, "shan", role=Role.ADMIN, email="shan@zone.example")
    return sign_in(app, "shan")


@pytest.fixture
def office():
    with post_office() as office:
        yield office


def form_of(office, **given):
    form = {"host": "127.0.0.1", "security": "none", "port": office.port}
    return form | {"sender": "招商系统 <crm@zone.example>"} | given


def try_it(admin, recipient="shan@zone.example"):
    return admin.post("/admin/mail-server/trial", data={"recipient": recipient})


def test_a_test_mail_shows_the_conversation(admin, office):
    admin.post("/admin/mail-server", data=form_of(office))

    page = try_it(admin).text

    assert "服务器已收下测试邮件，请到 shan@zone.example 查收。" in page
    assert "&gt; RCPT TO:&lt;shan@zone.example&gt;\n&lt; 250 OK" in page
    assert office.recipients == ["shan@zone.example"]


def test_why_a_server_refuses_is_shown_as_it_says_it(admin, office):
    office.at_recipient["shan@zone.example"] = "550 no such mailbox"
    admin.post("/admin/mail-server", data=form_of(office))

    page = try_it(admin).text

    assert "测试邮件未发出：550 no such mailbox" in page


def test_a_server_that_is_not_there_is_named_as_unreachable(admin, office):
    admin.post("/admin/mail-server", data=form_of(office, port=9))

    assert "测试邮件未发出" in try_it(admin).text


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_the_password_is_sealed_kept_and_shown_nowhere(app, admin):
    login = {"auth_required": True, "auth_require_tls": False}
    accept = lambda *_: AuthResult(success=True)  # noqa: E731 - a server's answer
    with post_office(**login, authenticator=accept) as office:
        account = form_of(office, user="crm")
        admin.post("/admin/mail-server", data=account | {"password": PASSWORD})
        admin.post("/admin/mail-server", data=account | {"password": ""})
        tried = try_it(admin).text

    assert "服务器已收下测试邮件" in tried
    assert PASSWORD not in tried + admin.get("/admin/mail-server").text
    with arranged(app) as db:
        assert PASSWORD not in db.scalar(select(MailServer.sealed_url))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"host": "crm@evil.example"}, "只填服务器的域名或 IP 地址"),
        ({"port": "70000"}, "请填写 1 到 65535 之间的整数"),
        ({"sender": "crm"}, "应为邮箱地址"),
    ],
)
def test_a_mistake_is_named_at_its_field(admin, office, change, sentence):
    answer = admin.post("/admin/mail-server", data=form_of(office, **change))

    assert answer.status_code == 422
    assert sentence in answer.text


def test_without_a_server_mails_stay_in_the_mailbox(app, admin, office):
    admin.post("/admin/mail-server", data=form_of(office))
    admin.post("/admin/mail-server/remove")

    assert try_it(admin).status_code == 302
    assert "尚未设置邮件服务器" in admin.get("/admin/mail-server").text
    assert office.received == []
