"""Where mails go: what an admin enters holds for workers that run."""

from dataclasses import replace
from threading import Event

import pytest

from crm.base.errors import Refused
from crm.jobs.mail_route import RoutedDeliverer, enter_mail_server, mail_route
from crm.people.rules import Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person
from tests.jobs.mail import SENDER, post_office, write
from tests.jobs.mail_settings import MAILBOX_ONLY


@pytest.fixture
def admin(sessions):
    with transaction(sessions) as db:
        return make_person(db, "shan", role=Role.ADMIN)


def enter(sessions, admin, office, own=MAILBOX_ONLY):
    with transaction(sessions) as db:
        enter_mail_server(db, url=office.url, sender=SENDER, own=own, by=admin, now=NOW)


def test_a_worker_that_runs_sends_over_the_server_that_is_entered(sessions, admin):
    worker = RoutedDeliverer(sessions, MAILBOX_ONLY, lambda: NOW, Event())
    with post_office() as office:
        write(sessions, "li")
        worker.deliver_all(lambda: True)
        enter(sessions, admin, office)
        write(sessions, "wang")
        worker.deliver_all(lambda: True)

    assert office.recipients == ["wang@crm.test"]


def test_the_settings_go_before_the_page(sessions, admin):
    fixed = replace(MAILBOX_ONLY, url="smtp://mail.zone.example")
    with post_office() as office:
        with pytest.raises(Refused) as caught:
            enter(sessions, admin, office, fixed)
        enter(sessions, admin, office)

    assert caught.value.code == "mail_server_fixed"
    with sessions() as db:
        assert mail_route(db, fixed).server.host == "mail.zone.example"


def test_another_secret_key_opens_no_password(sessions, admin):
    with post_office() as office:
        enter(sessions, admin, office)

    with sessions() as db, pytest.raises(Refused) as caught:
        mail_route(db, replace(MAILBOX_ONLY, secret="t" * 32))
    assert caught.value.code == "secret_key_changed"
