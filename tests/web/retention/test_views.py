"""The pages of the periods, and of the contacts that are over theirs."""

from datetime import UTC, datetime

import pytest

from crm.leads.models import Contact
from crm.leads.rules import Secrecy, Stage
from crm.people.rules import Role
from tests.factories import (
    arranged,
    make_company,
    make_contact,
    make_lead,
    make_person,
    sign_in,
)

pytestmark = pytest.mark.slow_on_postgresql
PAGE, LIST = "/admin/retention", "/admin/retention/contacts"
OLD = datetime(2020, 1, 5, tzinfo=UTC)


@pytest.fixture
def contact_id(app):
    with arranged(app) as db:
        make_person(db, "tracker")
        make_person(db, "root", role=Role.ADMIN)
        company = make_company(db, "云海科技")
        lost = {"stage": Stage.LOST, "entered_on": OLD.date()}
        lead = make_lead(db, company=company, **lost)
        contact = make_contact(db, company, "张工", lead=lead, created_at=OLD)
        hidden = make_company(db, "长风重工")
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号一", **lost}
        secret_lead = make_lead(db, company=hidden, **secret)
        make_contact(db, hidden, "密联系人", lead=secret_lead, created_at=OLD)
        return contact.id


def test_an_admin_changes_the_periods_and_each_change_is_an_entry(app, contact_id):
    root = sign_in(app, "root")

    saved = root.post(PAGE, data={"contacts": "", "sessions": "12", "mails": "12", "imports": "3"})
    page = root.get(PAGE).text
    trail = root.get("/admin/audit").text

    assert saved.status_code == 302
    assert 'value="12"' in page
    assert "0 位待确认" in page
    assert "修改保存期限" in trail
    assert "24 → —" in trail


@pytest.mark.parametrize("typed", ["0", "241", "两年"])
def test_what_is_no_number_of_months_stays_as_typed(app, contact_id, typed):
    answer = sign_in(app, "root").post(PAGE, data={"contacts": typed})

    assert answer.status_code == 422
    assert "请填写 1 至 240 之间的整数" in answer.text
    assert f'value="{typed}"' in answer.text


def test_contacts_over_their_period_are_named_to_who_may_see_them(app, contact_id):
    root = sign_in(app, "root")

    page, start = root.get(LIST).text, root.get("/").text

    assert "张工" in page
    assert "密联系人" not in page
    assert "另有 1 位在未公开的线索中" in page
    assert "联系人超过保存期限，待确认" in start
    basis = root.get(f"/contacts/{contact_id}/personal-data?basis=expired").text
    assert "超过保存期限，已无保存必要" in basis


def test_a_contact_is_kept_with_a_reason_or_erased(app, contact_id):
    root = sign_in(app, "root")
    path = f"{LIST}/{contact_id}/keep"

    refused = root.post(path, data={"reason": ""})
    kept = root.post(path, data={"reason": "项目可能重启"})

    assert refused.status_code == 422
    assert "请填写继续保存的理由" in refused.text
    assert kept.status_code == 302
    assert "张工" not in root.get(LIST).text
    root.post(f"/contacts/{contact_id}/erase", data={"basis": "超过保存期限"})
    with arranged(app) as db:
        assert db.get_one(Contact, contact_id).erased_at is not None


def test_nobody_but_admins_comes_here(app, contact_id):
    tracker = sign_in(app, "tracker")

    assert tracker.get(PAGE).status_code == 404
    assert tracker.post(f"{LIST}/{contact_id}/keep", data={"reason": "留"}).status_code == 404
    assert app.test_client().get(LIST).status_code == 302
