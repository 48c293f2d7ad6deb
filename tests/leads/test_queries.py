"""Who sees which lead, and under which name."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.leads.lists import leads_page
from crm.leads.models import Company, Contact, LeadRole
from crm.leads.permissions import may_change, visible_to
from crm.leads.queries import (
    LeadFilter,
    filtered,
    found_leads,
    lead_by_id,
)
from crm.leads.redaction import contacts_of, lead_labels
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.people.rules import Role
from tests.conftest import NOW
from tests.factories import make_company, make_lead, make_person, make_role
from tests.leads.zone import TODAY, make_zone

OPEN, INTERNAL, RESTRICTED = Secrecy


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("tracker", {OPEN, INTERNAL, RESTRICTED}),
        ("colleague", {OPEN, INTERNAL}),
        ("below", {OPEN}),
        ("stranger", {OPEN}),
        ("supervisor", {OPEN, INTERNAL}),
        ("leader", {OPEN, INTERNAL}),
        ("other_supervisor", {OPEN}),
        ("reader", set()),
        ("admin", {OPEN, INTERNAL}),
    ],
)
def test_secrecy_decides_who_sees_a_lead(db, name, seen):
    zone = make_zone(db)

    leads = db.scalars(visible_to(zone.eyes(name), TODAY))

    assert {lead.secrecy for lead in leads} == seen


@pytest.mark.parametrize("secrecy", [INTERNAL, RESTRICTED])
@pytest.mark.parametrize("role", [LeadRoleKind.ATTACHED_LEADER, LeadRoleKind.TASK_FORCE_MEMBER])
def test_whoever_is_named_sees_the_lead(db, secrecy, role):
    zone = make_zone(db)
    lead = zone.leads[secrecy]
    make_role(db, lead, role, person=zone.people["stranger"])

    assert lead in db.scalars(visible_to(zone.eyes("stranger"), TODAY)).all()


@pytest.mark.parametrize("secrecy", [INTERNAL, RESTRICTED])
def test_who_is_named_no_longer_sees_no_more(db, secrecy):
    zone = make_zone(db)
    lead = zone.leads[secrecy]
    role = make_role(db, lead, LeadRoleKind.TRACKER, person=zone.people["stranger"])
    role.to_on = TODAY - timedelta(days=1)
    db.flush()

    assert lead not in db.scalars(visible_to(zone.eyes("stranger"), TODAY)).all()


def test_a_reader_sees_no_lead_even_when_named(db):
    zone = make_zone(db)
    make_role(db, zone.leads[OPEN], LeadRoleKind.TRACKER, person=zone.people["reader"])

    assert db.scalars(visible_to(zone.eyes("reader"), TODAY)).all() == []


def test_a_unit_no_longer_responsible_loses_an_internal_lead(db):
    zone = make_zone(db)
    lead = zone.leads[INTERNAL]
    db.scalars(select(LeadRole).filter_by(lead_id=lead.id, role="responsible_unit")).one().to_on = (
        TODAY - timedelta(days=1)
    )
    db.flush()

    assert lead not in db.scalars(visible_to(zone.eyes("colleague"), TODAY)).all()


@pytest.mark.parametrize(
    ("name", "secrecy", "text"),
    [
        ("tracker", RESTRICTED, "限知项目"),
        ("stranger", OPEN, "公开项目"),
        ("stranger", INTERNAL, "内部线索"),
    ],
)
def test_a_label_says_no_more_than_the_viewer_may_know(db, name, secrecy, text):
    zone = make_zone(db)
    lead = zone.leads[secrecy]

    label = lead_labels(db, zone.eyes(name), [lead.id], TODAY)[lead.id]

    assert label.text == text
    assert (label.id is None) is (label.company is None)


def test_a_restricted_lead_is_called_by_its_code_name(db):
    zone = make_zone(db)
    lead = zone.leads[RESTRICTED]

    label = lead_labels(db, zone.eyes("supervisor"), [lead.id], TODAY)[lead.id]

    assert (label.id, label.text, label.company) == (None, lead.code_name, None)


@pytest.mark.parametrize("text", ["限知", "xzxm", "代号", "secret-ref", "秘密公司", "mmgs"])
def test_search_finds_no_restricted_lead(db, text):
    zone = make_zone(db)
    company = make_company(db, "秘密公司")
    lead = zone.leads[RESTRICTED]
    lead.ref, lead.company_id = "secret-ref", company.id
    db.flush()

    def found(name):
        return db.scalars(filtered(db, zone.eyes(name), TODAY, LeadFilter(text=text))).all()

    assert found("supervisor") == []
    assert found("tracker") == [lead]


@pytest.mark.parametrize(
    "text", ["数据", "sjzx", "SJZX", "云海", "yhkj", "yunhai", "Ｌ-7", "％", "_", "數據 中心"]
)
def test_search_finds_by_title_company_reference_and_pinyin(db, text):
    me = make_zone(db).eyes("stranger")
    company = make_company(db, "云海科技")
    make_lead(db, "数据中心%_", company=company, ref="L-7")

    found = db.scalars(filtered(db, me, TODAY, LeadFilter(text=text)))

    assert [lead.ref for lead in found] == ["L-7"]


def test_filters_narrow_the_list(db):
    zone = make_zone(db)
    park = zone.units["other"]
    wanted = make_lead(db, industry="it", park_id=park.id, unit=zone.units["team"])
    make_lead(db, industry="it")
    make_lead(db, park_id=park.id)
    by = LeadFilter(industry="it", park_id=park.id, unit_id=zone.units["team"].id)

    page = leads_page(db, zone.eyes("stranger"), TODAY, by=by)

    assert [lead.id for lead in page.items] == [wanted.id]


def test_mine_are_those_on_which_one_is_named(db):
    zone = make_zone(db)

    page = leads_page(db, zone.eyes("tracker"), TODAY, by=LeadFilter(is_mine=True))

    assert {lead.secrecy for lead in page.items} == set(Secrecy)


def test_pages_follow_each_other_and_back(db):
    me = make_zone(db).eyes("stranger")
    for n in range(70):
        make_lead(db, ref=f"N{n:02}", entered_on=date(2026, 5, 1) + timedelta(days=n // 3))

    first = leads_page(db, me, TODAY, by=LeadFilter())
    second = leads_page(db, me, TODAY, by=LeadFilter(), cursor=first.older)
    third = leads_page(db, me, TODAY, by=LeadFilter(), cursor=second.older)
    back = leads_page(db, me, TODAY, by=LeadFilter(), cursor=second.newer)
    ids = [lead.id for page in (first, second, third) for lead in page.items]

    assert len(ids) == len(set(ids)) == 71
    assert (first.newer, third.older) == (None, None)
    assert back.items == first.items
    assert back.newer is None


@pytest.mark.parametrize("cursor", ["", "x", "o_2026-13-01_1", "o_2026-07-01_x", "n_"])
def test_a_cursor_that_was_tampered_with_is_the_first_page(db, cursor):
    me = make_zone(db).eyes("stranger")

    assert len(leads_page(db, me, TODAY, by=LeadFilter(), cursor=cursor).items) == 1


def test_a_lead_is_reached_only_where_it_is_seen(db):
    zone = make_zone(db)
    lead_id = zone.leads[RESTRICTED].id

    assert lead_by_id(db, zone.eyes("supervisor"), lead_id, TODAY) is None
    roles = lead_by_id(db, zone.eyes("tracker"), lead_id, TODAY).roles
    assert zone.people["tracker"] in [role.person for role in roles]


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("tracker", True),
        ("colleague", True),
        ("supervisor", True),
        ("leader", True),
        ("admin", True),
        ("stranger", False),
        ("other_supervisor", False),
        ("reader", False),
    ],
)
def test_an_open_lead_is_changed_by_those_near_it(db, name, may):
    zone = make_zone(db)

    assert may_change(db, zone.eyes(name), zone.leads[OPEN].id, TODAY) is may


def test_whoever_entered_a_lead_may_change_it(db):
    zone = make_zone(db)
    lead = make_lead(db, entered_by_id=zone.people["stranger"].id, entered_at=NOW)

    assert may_change(db, zone.eyes("stranger"), lead.id, TODAY)


def test_contacts_of_a_company_with_a_hidden_lead_stay_hidden(db):
    zone = make_zone(db)
    hidden = zone.leads[RESTRICTED]
    lead = make_lead(db, company=db.get_one(Company, hidden.company_id))
    for name, lead_id in (("公司的", None), ("限知的", hidden.id), ("公开的", lead.id)):
        own = {"company_id": hidden.company_id, "lead_id": lead_id}
        db.add(Contact(name=name, created_at=NOW, **own))
    db.flush()

    def seen_by(name):
        return [each.name for each in contacts_of(db, zone.eyes(name), lead, TODAY)]

    assert seen_by("stranger") == ["公开的"]
    assert seen_by("tracker") == ["公开的", "公司的", "限知的"]


def test_a_form_finds_only_visible_leads(db):
    zone = make_zone(db)

    def found(name, text):
        return [choice.text for choice in found_leads(db, zone.eyes(name), TODAY, text)]

    assert found("stranger", "项目") == ["公开项目"]
    # REGIME 2: neither does its code name or reference find what is hidden
    hidden = zone.leads[RESTRICTED]
    assert found("stranger", hidden.code_name or "") == found("stranger", hidden.ref) == []
    assert found("tracker", hidden.ref) == [hidden.title]


def test_a_form_finds_no_lost_lead(db):
    zone = make_zone(db)
    make_lead(db, "失败项目", stage=Stage.LOST)

    assert found_leads(db, zone.eyes("stranger"), TODAY, "失败项目") == []


def test_a_leader_without_a_posting_sees_no_internal_lead(db):
    zone = make_zone(db)
    zone.people["gone"] = make_person(db, "gone", role=Role.LEADER, duty=None)

    assert zone.leads[INTERNAL] not in db.scalars(visible_to(zone.eyes("gone"), TODAY)).all()
