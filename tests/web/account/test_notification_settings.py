"""Notification settings, and the unsubscribe link in mails."""

from datetime import time

import pytest
from sqlalchemy import select

from crm.base import unsubscribe_tokens
from crm.base.outbox import Message, MessageKind, State
from crm.mailing.queries import mailed_kinds, quiet_hours
from crm.mailing.rules import IN_APP_ONLY, OPTIONAL, QuietHours
from crm.people.models import Person
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import arranged, make_person, sign_in
from tests.outbox import put

ALL = frozenset(OPTIONAL)
WEEKLY, MONTHLY, BRIEF, TEN_DAY = (
    MessageKind.WEEKLY,
    MessageKind.MONTHLY,
    MessageKind.MORNING_BRIEF,
    MessageKind.TEN_DAY,
)
BOTH = {kind.value: "both" for kind in (BRIEF, WEEKLY, MONTHLY)}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def liwei(app):
    with arranged(app) as db:
        return make_person(db, "liwei").id


def kept(app, person_id):
    with arranged(app) as db:
        return mailed_kinds(db, person_id), quiet_hours(db, person_id)


def link(person_id, kind=WEEKLY, secret=SECRET):
    return f"/unsubscribe/{unsubscribe_tokens.make(secret, person_id, kind)}"


class TestSettings:
    """The page of the signed-in person."""

    def test_optional_and_mandatory_kinds_are_shown(self, app, liwei):
        page = sign_in(app, "liwei").get("/me/settings").text

        assert page.count('value="both"') == page.count("checked") == 3
        assert "不能停发的邮件" in page
        assert "进度提醒" in page
        assert "旬督办" not in page  # a recruiter gets none

    def test_a_supervisor_is_offered_the_ten_day_mail(self, app):
        with arranged(app) as db:
            make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF)

        assert 'name="ten-day-supervision"' in sign_in(app, "boss").get("/me/settings").text

    def test_a_reader_is_not_offered_the_morning_brief(self, app):
        with arranged(app) as db:
            make_person(db, "reader", role=Role.READER, duty=None)

        assert 'name="morning-brief"' not in sign_in(app, "reader").get("/me/settings").text

    def test_a_choice_is_saved_and_shown(self, app, liwei):
        client = sign_in(app, "liwei")

        answer = client.post(
            "/me/settings",
            data={**BOTH, "weekly-digest": "in_app", "begins": "22:00", "ends": "07:00"},
        )
        page = client.get("/me/settings").text

        assert answer.location == "/me/settings"
        assert kept(app, liwei) == (ALL - {WEEKLY}, QuietHours(time(22), time(7)))
        assert 'value="22:00"' in page
        assert page.count("checked") == 3
        assert "邮件设置已保存" in page

    def test_empty_times_end_the_quiet_hours(self, app, liwei):
        client = sign_in(app, "liwei")
        client.post("/me/settings", data={**BOTH, "begins": "22:00", "ends": "07:00"})

        client.post("/me/settings", data={**BOTH, "begins": "", "ends": ""})

        assert kept(app, liwei) == (ALL, None)

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ({"begins": "22:00", "ends": ""}, "请填写此项。"),
            ({"begins": "", "ends": "07:00"}, "请填写此项。"),
            ({"begins": "08:00", "ends": "08:00"}, "开始和结束时间不能相同"),
            ({"begins": "08:00", "ends": "23:00"}, "最长 14 小时"),
            ({"begins": "25:00", "ends": "07:00"}, "无法识别时间"),
            ({"weekly-digest": "often"}, "field-error"),
            ({"weekly-digest": ""}, "field-error"),
        ],
    )
    def test_invalid_quiet_hours_are_refused_and_stay_in_the_form(
        self, app, liwei, typed, sentence
    ):
        answer = sign_in(app, "liwei").post("/me/settings", data={**BOTH, **typed})

        assert answer.status_code == 422
        assert sentence in answer.text
        assert [text for text in typed.values() if ":" in text and text not in answer.text] == []
        assert kept(app, liwei) == (ALL, None)

    def test_mandatory_kinds_cannot_be_switched_off(self, app, liwei):
        sign_in(app, "liwei").post(
            "/me/settings", data={**BOTH, "nudge": "in_app", "ten-day-supervision": "in_app"}
        )

        assert kept(app, liwei)[0] == ALL

    def test_saving_leaves_other_peoples_settings(self, app, liwei):
        with arranged(app) as db:
            make_person(db, "zhao")

        sign_in(app, "zhao").post("/me/settings", data={**BOTH, "weekly-digest": "in_app"})

        assert kept(app, liwei) == (ALL, None)

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_anonymous_visitors_are_redirected_to_the_login(self, client, method):
        assert "/login" in getattr(client, method)("/me/settings").location

    def test_the_mailbox_links_to_the_settings(self, app, liwei):
        assert 'href="/me/settings"' in sign_in(app, "liwei").get("/mailbox").text


class TestUnsubscribing:
    """The link in a mail, without signing in."""

    def test_opening_the_link_only_asks(self, app, client, liwei):
        answer = client.get(link(liwei))

        assert answer.status_code == 200
        assert "停发周报邮件？" in answer.text
        assert 'name="List-Unsubscribe" value="One-Click"' in answer.text
        assert kept(app, liwei)[0] == ALL

    def test_a_mail_programs_one_click_post_unsubscribes(self, app, client, liwei):
        answer = client.post(link(liwei), data=ONE_CLICK)
        again = client.post(link(liwei), data=ONE_CLICK)

        assert (answer.status_code, again.status_code) == (200, 200)
        assert "已停发周报邮件" in answer.text
        assert kept(app, liwei)[0] == ALL - {WEEKLY}

    def test_one_click_needs_no_csrf_token(self, app, client, liwei):
        app.config["WTF_CSRF_ENABLED"] = True

        answer = client.post(link(liwei), data=ONE_CLICK)
        elsewhere = sign_in(app, "liwei").post("/me/settings", data=BOTH)

        assert answer.status_code == 200
        assert elsewhere.status_code == 400

    def test_another_post_changes_nothing(self, app, client, liwei):
        assert client.post(link(liwei)).status_code == 400
        assert kept(app, liwei)[0] == ALL

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_forged_token_gets_404(self, app, client, liwei, method):
        address = link(liwei, secret="another secret")

        answer = getattr(client, method)(
            address, **({"data": ONE_CLICK} if method == "post" else {})
        )

        assert answer.status_code == 404
        assert kept(app, liwei)[0] == ALL

    def test_a_token_of_a_missing_person_gets_404(self, client, liwei):
        assert client.post(link(liwei + 1), data=ONE_CLICK).status_code == 404

    def test_the_page_does_not_identify_the_person(self, client, liwei):
        assert "liwei" not in client.get(link(liwei)).text

    def test_the_settings_page_can_undo_it(self, app, client, liwei):
        client.post(link(liwei), data=ONE_CLICK)

        sign_in(app, "liwei").post("/me/settings", data=BOTH)

        assert kept(app, liwei)[0] == ALL


class TestMailbox:
    """What was not mailed is there, and says why."""

    @pytest.mark.parametrize(
        ("state", "note", "chip"),
        [
            (State.SENT, IN_APP_ONLY, False),
            (State.SKIPPED, "7月15日 18:00 前未能发出，内容已过时，不再发送", True),
        ],
    )
    def test_a_message_says_why_it_was_not_mailed(self, app, liwei, state, note, chip):
        with arranged(app) as db:
            put(
                db,
                kind=BRIEF,
                dedupe_key="morning-brief:zone:liwei:2026-07-15:-",
                person=db.get(Person, liwei),
                subject="晨报",
                text="正文",
                html="<p>正文</p>",
                at=NOW,
                state=state,
                note=note,
            )
            message_id = db.scalar(select(Message.id))
        client = sign_in(app, "liwei")

        assert ("未发邮件" in client.get("/mailbox").text) is chip
        assert f"{note}。" in client.get(f"/mailbox/{message_id}").text
