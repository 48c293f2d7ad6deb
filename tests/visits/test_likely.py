"""Whom and which leads a form offers first."""

from datetime import date

import pytest

from crm.base.choices import MOST_LIKELY
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.people.choices import Group, PeopleAsked, found_people
from crm.people.permissions import viewer
from crm.people.rules import Role
from crm.visits.likely import likely_leads, likely_people
from tests.conftest import NOW
from tests.factories import make_lead, make_person, make_role, make_unit, make_visit
from tests.leads.zone import TODAY, make_zone

LONG_AGO = date(2025, 7, 14)


@pytest.fixture
def bureau(db):
    return make_unit(db, "招商一处")


@pytest.fixture
def lina(db, bureau):
    return make_person(db, "lina", name="李娜", unit=bureau)


def asked(db, person, group=Group.COLLEAGUES, **given):
    return PeopleAsked(viewer(db, person, TODAY), TODAY, group, **given)


def likely(db, person, *, chosen=(), **given):
    people = likely_people(db, asked(db, person, **given), chosen=chosen)
    return [choice.text for choice in people]


def leads_of(db, person, **given):
    return [lead.text for lead in likely_leads(db, viewer(db, person, TODAY), TODAY, **given)]


# people


def test_oneself_comes_first_then_companions_by_how_often_then_the_unit(db, lina, bureau):
    make_person(db, name="同处", unit=bureau)
    often, once, led = (make_person(db, name=name) for name in ("常伴", "偶伴", "带队"))
    make_person(db, name="外人")
    make_visit(db, lina, participants=[often, once])
    make_visit(db, lina, date(2026, 7, 13), participants=[often])
    make_visit(db, led, date(2026, 7, 10), participants=[lina, often])

    people = likely(db, lina)

    assert people[:2] == ["李娜", "常伴"]
    assert set(people[2:4]) == {"偶伴", "带队"}
    assert people[4:] == ["同处"]


def test_companions_of_long_ago_are_not_likely(db, lina):
    make_visit(db, lina, LONG_AGO, participants=[make_person(db, name="旧同行")])

    assert likely(db, lina) == ["李娜"]


def test_whoever_is_gone_is_offered_only_where_they_are_chosen(db, lina, bureau):
    gone = make_person(db, name="已离任", unit=bureau, disabled_at=NOW)
    make_visit(db, lina, participants=[gone])

    assert likely(db, lina) == ["李娜"]
    assert likely(db, lina, chosen=[gone.id]) == ["李娜", "已离任"]


def test_the_list_is_bounded_and_keeps_who_is_chosen(db, lina, bureau):
    last = [make_person(db, name=f"赵{number}", unit=bureau) for number in range(30)][-1]

    assert len(likely(db, lina)) == MOST_LIKELY
    assert "赵29" in likely(db, lina, chosen=[last.id])


def test_who_is_left_out_is_neither_likely_nor_found(db, lina):
    assert likely(db, lina, without=lina.id) == []
    assert found_people(db, asked(db, lina, without=lina.id), "李娜") == []


@pytest.mark.parametrize("text", ["李", "lina", "LN", "ｌｉ", "招商一", "lina "])
def test_people_are_found_by_name_pinyin_initials_or_unit(db, lina, text):
    make_person(db, name="王强")

    found = found_people(db, asked(db, lina), text)

    assert [(choice.text, choice.note) for choice in found] == [("李娜", "招商一处")]


@pytest.mark.parametrize(
    ("group", "found"),
    [
        (Group.COLLEAGUES, {"tracker", "below", "stranger", "supervisor", "other_supervisor"}),
        (Group.STAYING, {"tracker", "below", "stranger", "supervisor", "other_supervisor"}),
        (Group.IN_SCOPE, {"tracker", "below", "supervisor"}),
        (Group.OVERSEEING, {"supervisor", "other_supervisor"}),
        (Group.ALL, set()),
    ],
)
def test_a_group_bounds_who_is_found(db, group, found):
    zone = make_zone(db)

    people = found_people(db, PeopleAsked(zone.eyes("supervisor"), TODAY, group), "同志")

    names = {choice.text.removesuffix("同志") for choice in people}
    assert names - {"colleague", "leader"} == found


def test_an_admin_finds_former_people_where_all_are_asked_for(db, lina):
    make_person(db, name="已离任", disabled_at=NOW)
    admin = make_person(db, role=Role.ADMIN)

    found = found_people(db, asked(db, admin, Group.ALL), "已离任")

    assert [choice.text for choice in found] == ["已离任"]


# leads


def test_leads_visited_or_given_lately_come_first(db, lina):
    old = make_lead(db, "早先接手", tracker=lina)
    new = make_lead(db, "新近拜访")
    make_lead(db, "别人的")
    make_visit(db, lina, leads=[new])
    make_visit(db, lina, LONG_AGO, leads=[make_lead(db, "旧拜访")])

    assert leads_of(db, lina) == [new.title, old.title]


def test_the_leads_of_the_last_visit_come_first_of_all(db, lina):
    make_lead(db, "接手的", tracker=lina)
    last = make_lead(db, "上次的")

    assert leads_of(db, lina, also=[last.id]) == ["上次的", "接手的"]


def test_neither_hidden_nor_lost_leads_are_likely(db, lina):
    hidden = make_lead(db, secrecy=Secrecy.RESTRICTED)
    lost = make_lead(db, tracker=lina, stage=Stage.LOST)
    make_visit(db, lina, leads=[hidden, lost])

    assert leads_of(db, lina, also=[hidden.id, lost.id]) == []


def test_the_likely_leads_are_bounded(db, lina):
    for _ in range(MOST_LIKELY + 3):
        make_role(db, make_lead(db), LeadRoleKind.TRACKER, person=lina)

    assert len(leads_of(db, lina)) == MOST_LIKELY
