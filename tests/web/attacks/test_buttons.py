"""A button that a page does not show answers that there is none, and changes nothing."""

import pytest
from sqlalchemy import select

from crm.mailing.channel_models import Channel
from crm.mailing.channel_rules import ChannelKind
from crm.people.rules import Role
from tests.factories import arranged, make_person, sign_in
from tests.jobs.channels.work import make_channel

pytestmark = pytest.mark.slow_on_postgresql


def test_a_group_of_a_messenger_has_no_secret_of_ours_to_renew(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
        url = "https://oapi.dingtalk.com/robot/send?access_token=a"
        channel = make_channel(db, url, kind=ChannelKind.DINGTALK, secret="SEC-own")

    answer = sign_in(app, "root").post(f"/admin/channels/{channel.id}/secret")

    assert answer.status_code == 404
    with arranged(app) as db:
        assert db.scalars(select(Channel.secret)).one() == "SEC-own"
