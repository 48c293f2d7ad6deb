"""Which mails are optional, quiet hours, and tokens to unsubscribe."""

from datetime import date, time

import pytest

from crm.base import unsubscribe_tokens
from crm.base.clock import at_civil
from crm.base.mail_kinds import MessageKind
from crm.mailing.rules import FIXED, IN_APP, OPTIONAL, QuietHours, is_for
from crm.people.rules import Role

NIGHT, NOON = QuietHours(time(22), time(7, 30)), QuietHours(time(12), time(14))


@pytest.mark.parametrize(
    ("quiet", "at", "expected"),
    [
        (NIGHT, time(21, 59), False),
        (NIGHT, time(22), True),
        (NIGHT, time(0), True),
        (NIGHT, time(7, 29), True),
        (NIGHT, time(7, 30), False),
        (NOON, time(11, 59), False),
        (NOON, time(12), True),
        (NOON, time(14), False),
    ],
)
def test_quiet_hours_are_civil_time_and_may_go_over_midnight(quiet, at, expected):
    assert quiet.cover(at_civil(date(2026, 7, 15), at)) is expected


@pytest.mark.parametrize(("quiet", "hours"), [(NIGHT, 9.5), (NOON, 2)])
def test_quiet_hours_have_a_length(quiet, hours):
    assert quiet.hours == hours


def test_mails_about_ones_duty_cannot_be_switched_off():
    assert set(FIXED) == {
        MessageKind.NUDGE,
        MessageKind.SETTLED,
        MessageKind.REMINDER,
        MessageKind.ORDER,
        MessageKind.ABSENCE_ANSWER,
        MessageKind.HANDOVER,
        MessageKind.PROBLEM,
        MessageKind.CLAIM,
        MessageKind.ASSISTANCE,
        MessageKind.STAY_LAPSED,
        MessageKind.PROPOSAL,
        MessageKind.BULK,
        MessageKind.STANDSTILL,
        MessageKind.RETENTION,
        MessageKind.DELEGATION,
    }
    assert {*OPTIONAL, *FIXED, *IN_APP} == set(MessageKind)


@pytest.mark.parametrize(
    ("kind", "role", "expected"),
    [
        (MessageKind.MORNING_BRIEF, Role.READER, False),
        (MessageKind.MORNING_BRIEF, Role.RECRUITER, True),
        (MessageKind.TEN_DAY, Role.SUPERVISOR, True),
        (MessageKind.TEN_DAY, Role.RECRUITER, False),
        (MessageKind.WEEKLY, Role.READER, True),
    ],
)
def test_people_choose_among_the_mails_that_they_can_get(kind, role, expected):
    assert is_for(kind, role) is expected


class TestToken:
    """The signed word in the link."""

    def test_a_token_names_the_person_and_the_kind(self):
        token = unsubscribe_tokens.make("secret", 7, MessageKind.WEEKLY)

        assert unsubscribe_tokens.read("secret", token) == (7, MessageKind.WEEKLY)

    def test_it_is_the_same_each_time(self):
        assert unsubscribe_tokens.make("secret", 7, MessageKind.WEEKLY) == unsubscribe_tokens.make(
            "secret", 7, MessageKind.WEEKLY
        )

    @pytest.mark.parametrize("text", ["", "x", "WzcsIndlZWtseS1kaWdlc3QiXQ.wrong", "é"])
    def test_a_forged_token_is_not_read(self, text):
        assert unsubscribe_tokens.read("secret", text) is None

    def test_a_token_of_another_secret_is_not_read(self):
        token = unsubscribe_tokens.make("secret", 7, MessageKind.WEEKLY)

        assert unsubscribe_tokens.read("another", token) is None
