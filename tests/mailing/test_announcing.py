"""What goes over channels beside the mails: to whom, how often, and in which words."""

import re
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind, State
from crm.base.shipped import TEMPLATES
from crm.jobs import claims
from crm.jobs.delivery import REPLAYED, leave_in_mailbox
from crm.mailing.announcing import put_and_announce
from crm.mailing.channel_choices import Wish, choose_channels
from crm.mailing.channel_models import ChannelAddress
from crm.mailing.channel_rules import GROUP_KINDS, ChannelKind
from crm.mailing.channel_texts import COUNTING, for_group, for_person
from crm.mailing.models import QuietTime
from tests.conftest import NOW
from tests.factories import make_person, make_unit
from tests.jobs.channels.work import make_channel, row_for

WEBHOOK = ChannelKind.WEBHOOK
KINDS = [MessageKind.ORDER, MessageKind.NUDGE]


def system(db, **given):
    """The zone's own system, which no group reads."""
    return make_channel(db, "https://127.0.0.1/", kind=WEBHOOK, takes_people=True, **given)


def told(db, channel):
    rows = select(Message).where(Message.channel_id == channel.id).order_by(Message.id)
    return db.scalars(rows).all()


def want(db, person, channel, *kinds, address=""):
    wishes = {channel.id: Wish(kinds, address)}
    choose_channels(db, person=person, wishes=wishes, now=NOW)


def test_a_person_gets_over_a_channel_what_they_chose_and_nobody_elses(db):
    channel, me, other = system(db), make_person(db, "li"), make_person(db, "wang")
    want(db, me, channel, MessageKind.NUDGE)

    rows = [row_for(person, kind) for person in (me, other) for kind in KINDS]
    put_and_announce(db, rows)
    put_and_announce(db, rows)

    mine = [message for message in told(db, channel) if message.about_id]
    assert [(row.recipient, row.kind) for row in mine] == [("li", MessageKind.NUDGE)]
    mail = db.get_one(Message, mine[0].about_id)
    assert mail.person_id == me.id
    assert mine[0].body_text.endswith(f"/mailbox/{mail.id}")


def test_a_group_of_a_unit_is_told_of_its_own_and_those_below(db):
    unit = make_unit(db)
    below, elsewhere = make_unit(db, parent=unit), make_unit(db)
    channel = make_channel(db, "https://127.0.0.1/", unit_id=unit.id)

    put_and_announce(db, [row_for(make_person(db, unit=elsewhere), MessageKind.ORDER)])
    by_then = len(told(db, channel))
    put_and_announce(db, [row_for(make_person(db, unit=below), MessageKind.ORDER)])

    assert (by_then, len(told(db, channel))) == (0, 1)


def test_a_group_is_told_nothing_of_a_persons_own_matters(db):
    channel, me = make_channel(db, "https://127.0.0.1/"), make_person(db)

    put_and_announce(db, [row_for(me, kind) for kind in MessageKind if kind not in GROUP_KINDS])

    assert told(db, channel) == []


def test_what_is_kept_and_not_mailed_tells_nobody(db):
    channel, me = make_channel(db, "https://127.0.0.1/"), make_person(db)

    put_and_announce(db, [row_for(me, MessageKind.ORDER) | {"state": State.SKIPPED}])

    assert told(db, channel) == []


@pytest.mark.slow_on_postgresql
def test_a_slot_that_is_replayed_for_the_mailbox_tells_nobody_outside(db):
    channel = make_channel(db, "https://127.0.0.1/")
    put_and_announce(db, [row_for(make_person(db), MessageKind.WEEKLY)])

    leave_in_mailbox(db, now=NOW, made_at=NOW)

    [message] = told(db, channel)
    assert (message.state, message.note) == (State.SKIPPED, REPLAYED)


def test_quiet_hours_hold_for_a_persons_channels_and_for_no_group(db):
    channel, me = system(db), make_person(db)
    want(db, me, channel, MessageKind.ORDER)
    db.add(QuietTime(person_id=me.id, begins=time(0, 1), ends=time(0, 0)))
    put_and_announce(db, [row_for(me, MessageKind.ORDER)])

    ids = set(db.scalars(claims.due_ids(NOW + timedelta(seconds=1), channel_id=channel.id)))

    assert ids == {row.id for row in told(db, channel) if row.about_id is None}


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("kind", [kind for kind in MessageKind if kind not in COUNTING])
def test_no_word_of_a_record_leaves_the_zone(db, kind):
    channel, me = system(db), make_person(db, name="金丝雀同志")
    want(db, me, channel, kind)

    put_and_announce(db, [row_for(me, kind)])

    words = "".join(f"{row.subject}{row.body_text}{row.body_html}" for row in told(db, channel))
    assert "请" in words
    assert "金丝雀" not in words


@pytest.mark.parametrize("kind", sorted(COUNTING))
def test_a_subject_that_is_repeated_outside_is_made_of_counts_and_periods(kind):
    template = (TEMPLATES / "mail" / kind.value / "subject.txt").read_text()

    names = set(re.findall(r"\b(?:lead|company|title|matter|reader|by|name|visit)\b", template))
    assert names == set()


@pytest.mark.slow_on_postgresql
def test_an_address_at_a_service_is_asked_for_and_checked(db):
    url = "bark://127.0.0.1/{address}"
    channel = make_channel(db, url, kind=ChannelKind.APPRISE, takes_people=True)
    me = make_person(db)

    with pytest.raises(Refused) as missing:
        want(db, me, channel, MessageKind.ORDER)
    with pytest.raises(Refused) as wrong:
        want(db, me, channel, MessageKind.ORDER, address="x/../y")
    want(db, me, channel, MessageKind.ORDER, address="Device-1")

    assert (missing.value.code, wrong.value.code) == ("required", "bad_channel_address")
    assert db.scalars(select(ChannelAddress.address)).all() == ["Device-1"]


@pytest.mark.parametrize("kind", MessageKind)
def test_every_kind_has_its_words(kind):
    personal = for_person(kind, "主题", 7)

    assert personal.text.endswith("。")
    assert personal.path == "/mailbox/7"
    if kind in GROUP_KINDS:
        assert for_group(kind, f"{kind}:zone:li:2026-W28:-").text.endswith("。")
