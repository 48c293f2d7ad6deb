"""The index of visits' words narrows down and never loses a visit that has the text."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from crm.leads.rules import Secrecy
from crm.people.permissions import viewer
from crm.people.rules import Duty, Role
from crm.visits import search_index
from crm.visits.companies import set_companies
from crm.visits.fields import CompanyMet
from crm.visits.filters import VisitFilter, conditions, matching_words
from crm.visits.found import VisitSearch, found_visits
from crm.visits.models import Visit
from tests.conftest import NOW
from tests.factories import (
    make_company,
    make_hidden_batch,
    make_lead,
    make_person,
    make_unit,
    make_visit,
)

TODAY = NOW.date()
LETTERS = "云海数据據蓝ＡaZ1-_%'\" 　。éßİΣ🚀\u0301\x07"
words = st.text(st.sampled_from(LETTERS) | st.characters(codec="utf-8", exclude_characters="\0"))


@pytest.fixture
def admin(db):
    return make_person(db, "admin", role=Role.ADMIN, duty=None)


def ids_found(db: Session, condition) -> Sequence[int]:
    return db.scalars(select(Visit.id).where(*condition).order_by(Visit.id)).all()


def listed(db, person, text):
    me = viewer(db, person, TODAY)
    return ids_found(db, conditions(db, me, TODAY, VisitFilter(text=text)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, min_size=4, max_size=4), words, st.slices(10))
def test_whatever_has_the_text_is_found_through_the_index(db, admin, texts, typed, part):
    minutes, next_step, note, named = texts
    example = db.begin_nested()
    try:
        given = {"minutes": f"会谈{minutes}", "next_step": next_step, "note": note}
        visit = make_visit(db, admin, met=typed, city="苏州", **given)
        set_companies(db, visit.id, [CompanyMet(name=f"企业{named}")])

        me = viewer(db, admin, TODAY)
        for text in (typed, minutes[part], next_step.swapcase(), note[-2:], named[:3], "州"):
            if text.strip():
                through = ids_found(db, [matching_words(me, TODAY, text)])
                assert set(through) <= set(listed(db, admin, text))
    finally:
        example.rollback()


@pytest.mark.parametrize("text", ["晶圆", "晶圆检", "圆检 测"])
def test_a_rare_word_is_looked_up_and_only_those_visits_are_read(db, admin, text):
    for number in range(3):
        make_visit(db, admin, minutes=f"介绍园区载体 {number}")
    visit = make_visit(db, admin, minutes="对方的晶圆检 测设备下月到货")

    sources = search_index.likely_visits(text, 10)

    assert search_index.at_most(db, sources, 10) == [visit.id]
    assert listed(db, admin, text) == [visit.id]


def test_hidden_visits_do_not_make_a_word_common(db, admin):
    visit = make_visit(db, admin, minutes="谈到晶圆", companies=[CompanyMet(name="晶圆科技")])
    hidden = {"minutes": "谈到晶圆", "companies": [CompanyMet(name="晶圆电子")]}
    batch = make_hidden_batch(db)
    for _ in range(3):
        make_visit(db, admin, batch_id=batch.id, **hidden)

    sources = search_index.likely_visits("晶圆", 2)

    assert search_index.at_most(db, sources, 1) == [visit.id]


def test_words_that_are_changed_are_found_and_the_former_ones_are_not(db, admin):
    visit = make_visit(db, admin, minutes="谈到晶圆")
    set_companies(db, visit.id, [CompanyMet(name="青禾电子")])
    visit.minutes = "谈到面板"
    set_companies(db, visit.id, [CompanyMet(name="云海电子")])
    db.flush()

    found = {text: listed(db, admin, text) for text in ("晶圆", "面板", "青禾", "云海")}

    assert found == {"晶圆": [], "面板": [visit.id], "青禾": [], "云海": [visit.id]}


def test_what_the_index_knows_shows_to_nobody_who_may_not_read_it(db):
    unit = make_unit(db, "招商局")
    tracker = make_person(db, "tracker", unit=unit)
    chief = make_person(db, "chief", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
    secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号一"}
    hidden = make_lead(db, "机密", company=make_company(db), tracker=tracker, unit=unit, **secret)
    visit = make_visit(db, tracker, leads=[hidden], minutes="谈到晶圆")

    # the supervisor sees the visit, and not its words
    assert listed(db, chief, "苏州") == listed(db, tracker, "晶圆") == [visit.id]
    assert listed(db, chief, "晶圆") == []
    assert found_visits(db, viewer(db, chief, TODAY), TODAY, VisitSearch("晶圆"), most=5) == []


def test_the_search_of_everything_finds_a_rare_word_in_old_visits_too(db, admin, monkeypatch):
    monkeypatch.setattr("crm.visits.found.MOST_SEARCHED", 1)
    old = make_visit(db, admin, minutes="谈到晶圆")
    make_visit(db, admin, minutes="介绍园区")

    found = found_visits(db, viewer(db, admin, TODAY), TODAY, VisitSearch("晶圆"), most=5)

    assert [visit.id for visit in found] == [old.id]


def test_where_too_many_have_the_text_they_are_read_from_the_latest_on(db, admin, monkeypatch):
    monkeypatch.setattr("crm.visits.filters.MOST_LIKELY", 1)
    ids = [make_visit(db, admin, minutes="介绍园区").id for _ in range(3)]

    assert listed(db, admin, "园区") == ids
    assert listed(db, admin, "园") == ids  # one character is in no index


@pytest.mark.parametrize("name", search_index.NAMES)
def test_the_index_made_anew_is_the_one_that_was_kept(db, admin, name):
    search_index.rebuild(db)
    visit = make_visit(db, admin, minutes="谈到晶圆")
    set_companies(db, visit.id, [CompanyMet(name="青禾电子")])
    kept = _indexed(db, name)

    search_index.rebuild(db)

    assert kept
    assert _indexed(db, name) == kept


def _indexed(db: Session, name: str) -> dict[int, str]:
    return dict(db.execute(sql(f"SELECT rowid, CAST(grams AS text) FROM {name}")).all())
