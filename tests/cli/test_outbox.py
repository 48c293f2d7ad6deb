"""`crm outbox send` and `retry`: what a person makes wait anew."""

import pytest
from sqlalchemy import update

from crm.base.outbox import Message, MessageKind, State
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.mail import write
from tests.jobs.work import messages


@pytest.fixture
def failed(sessions):
    write(sessions, "li", "wang")
    write(sessions, "zhao", kind=MessageKind.NUDGE)
    with transaction(sessions) as db:
        db.execute(update(Message).values(state=State.FAILED, note="550 no such user"))
    return [str(message.id) for message in messages(sessions)]


def states(sessions):
    return [message.state for message in messages(sessions)]


@pytest.mark.usefixtures("believed")
def test_messages_are_sent_again_by_hand_and_delivered(crm, sessions, failed):
    result = crm("outbox", "send", failed[0], failed[1], "--note", "邮箱已更正")
    crm("deliver", "--once")

    assert (result.exit_code, result.stdout) == (0, "已把 2 封邮件重新列入待发。\n")
    assert states(sessions) == [State.SENT, State.SENT, State.FAILED]
    assert messages(sessions)[0].note == "人工补发，此前“发送失败”：邮箱已更正"


def test_one_that_was_sent_goes_out_again_only_when_that_is_said(crm, sessions, failed):
    with transaction(sessions) as db:
        db.execute(update(Message).values(state=State.SENT, sent_at=NOW))

    refused = crm("outbox", "send", failed[0])
    result = crm("outbox", "send", failed[0], "--again")

    assert refused.exit_code == 1
    assert "--again" in refused.stderr
    assert result.exit_code == 0
    assert messages(sessions)[0].note == "人工重发，上次发出于 2026-07-15 10:00"


def test_an_unknown_message_is_refused_with_all_the_others(crm, sessions, failed):
    result = crm("outbox", "send", failed[0], "77")

    assert (result.exit_code, "77" in result.stderr) == (1, True)
    assert states(sessions) == [State.FAILED] * 3


def test_without_a_message_it_is_a_matter_of_usage(crm):
    assert crm("outbox", "send").exit_code == 2


def test_all_that_failed_are_tried_again(crm, sessions, failed):
    result = crm("outbox", "retry")

    assert result.stdout == "已把 3 封发送失败的邮件重新列入待发。\n"
    assert states(sessions) == [State.PENDING] * 3


def test_failed_messages_of_one_kind_are_tried_again(crm, sessions, failed):
    crm("outbox", "retry", "--kind", "nudge")

    assert states(sessions) == [State.FAILED, State.FAILED, State.PENDING]
