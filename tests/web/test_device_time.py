"""A form that has waited on a device: its words are of the day on which they were typed."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.people.rules import Role
from crm.visits.models import Visit
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in

FORM = {"kind": "outreach", "channel": "in_person", "status": "done", "city": "苏州"}
FORM |= {"first_on": "昨天", "starts": "9:00", "ends": "10:00"}


def save(app, waited, device_now):
    """The visit of a form typed so long ago, on a device whose clock shows that now."""
    with arranged(app) as db:
        lina = make_person(db, "lina").id
    now = int(device_now.timestamp() * 1000)
    typed = now - int(waited / timedelta(milliseconds=1))
    headers = {"X-Device-Now": str(now), "X-Device-Typed": str(typed)}
    answer = sign_in(app, "lina").post(
        "/visits/new", data=FORM | {"leader_id": lina}, headers=headers
    )
    assert answer.status_code == 302
    with arranged(app) as db:
        visit = db.scalars(select(Visit)).one()
        entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "visit.logged")).one()
        return visit.first_on, visit.entered_at, json.loads(entry.after)


@pytest.mark.parametrize("device_now", [NOW, NOW + timedelta(days=200)])
def test_yesterday_is_that_of_the_day_on_which_it_was_typed(app, device_now):
    first_on, entered_at, _ = save(app, timedelta(days=2), device_now)

    assert first_on == date(2026, 7, 12)
    assert entered_at == NOW  # lateness goes by the server's clock


def test_the_trail_keeps_what_the_device_showed(app):
    device_now = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)

    _, _, after = save(app, timedelta(hours=1), device_now)

    assert datetime.fromisoformat(after["device_at"]) == device_now - timedelta(hours=1)


@pytest.mark.parametrize(
    ("device_now", "shown"),
    [
        (NOW, "比服务器收到时早 1 小时"),
        (NOW + timedelta(days=3, hours=1), "比服务器收到时晚 3 天"),
        (NOW + timedelta(minutes=65), None),
    ],
)
def test_who_reads_the_trail_sees_a_devices_time_that_is_far_off(app, device_now, shown):
    save(app, timedelta(hours=1), device_now)
    with arranged(app) as db:
        make_person(db, "admin", role=Role.ADMIN)
        visit_id = db.scalar(select(Visit.id))

    page = sign_in(app, "admin").get(f"/visits/{visit_id}").text
    own = sign_in(app, "lina").get(f"/visits/{visit_id}").text

    assert (shown is None and "本机填写时间" not in page) or shown in page
    assert "本机填写时间" not in own


@pytest.mark.parametrize("waited", [timedelta(seconds=2), timedelta(days=-1), timedelta(days=900)])
def test_what_has_not_waited_is_of_today(app, waited):
    first_on, _, after = save(app, waited, NOW)

    assert first_on == date(2026, 7, 14)
    assert "device_at" not in after


def test_a_line_is_read_as_of_the_day_on_which_it_was_typed(app):
    with arranged(app) as db:
        make_person(db, "lina")
    now = int(NOW.timestamp() * 1000)
    headers = {"X-Device-Now": str(now), "X-Device-Typed": str(now - 2 * 86_400_000)}

    form = {"line": "昨天下午在无锡拜访溟南公司"}
    answer = sign_in(app, "lina").post("/visits/quick", data=form, headers=headers)

    assert 'value="2026年7月12日 周日"' in answer.text
