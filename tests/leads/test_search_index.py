"""The index of the search narrows down and never loses a lead that contains the text."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from crm.base.paging import PAGE
from crm.base.searched import Searched
from crm.leads import search_index
from crm.leads.lists import lead_ids_page
from crm.leads.models import Lead
from crm.leads.queries import LeadFilter, containing, filtered, matching
from crm.leads.rules import Secrecy, Stage
from tests.conftest import NOW
from tests.factories import make_alias, make_company, make_lead
from tests.leads.zone import TODAY, make_zone

LETTERS = "云海数据據蓝ＡaZ1-_%'\" 　。éßİΣ🚀\u0301\x07"
words = st.text(st.sampled_from(LETTERS) | st.characters(codec="utf-8", exclude_characters="\0"))


def ids_found(db: Session, condition) -> Sequence[int]:
    query = select(Lead.id).join(Lead.company).where(condition).order_by(Lead.id)
    return db.scalars(query).all()


def first_page(db: Session, viewer, text: str, size: int = PAGE) -> Sequence[int]:
    """Of the usual size it has a statement of its own, which is kept."""
    return lead_ids_page(db, viewer, TODAY, by=LeadFilter(text=text), size=size).items


@pytest.fixture
def admin(db):
    return make_zone(db).eyes("admin")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, min_size=4, max_size=4), words, st.slices(10))
def test_whatever_contains_the_text_is_found_through_the_index(db, admin, texts, typed, part):
    title, code_name, group, company = texts
    parts = (typed, title[part], code_name.swapcase(), company[-2:], group[:1])
    example = db.begin_nested()
    try:
        owner = make_company(db, f"公司{company}", group_name=group)
        make_lead(db, f"项目{title}", company=owner, code_name=code_name, group_name=typed)

        for text in parts:
            if text.strip():
                found = ids_found(db, matching(db, text, admin, TODAY))
                assert found == ids_found(db, containing(Searched.of(text), admin, TODAY))
                assert first_page(db, admin, text) == first_page(db, admin, text, PAGE + 1)[:PAGE]
    finally:
        example.rollback()


@pytest.mark.parametrize("text", ["云", "云海", "海科技", "yh"])
def test_a_renamed_company_is_found_by_its_new_name_only(db, admin, text):
    company = make_company(db, "云海科技")
    lead = make_lead(db, "研发中心", company=company)
    before = search_index.likely_matches(db, text)

    company.name = "青禾电子"
    db.flush()

    assert before == [lead.id]
    assert search_index.likely_matches(db, text) == []
    assert ids_found(db, matching(db, "青禾", admin, TODAY)) == [lead.id]


def test_a_deleted_lead_leaves_nothing_in_the_index(db):
    lead = Lead(**_values(db, "撤销项目"))
    db.add(lead)
    db.flush()
    assert lead.id in _indexed(db, "lead_gram")

    db.delete(lead)
    db.flush()

    assert lead.id not in _indexed(db, "lead_gram")


def test_more_matches_than_the_index_hands_over_are_all_found(db, admin):
    count = search_index.MOST_LIKELY + 1
    values = _values(db, "重名项目") | {"search": "重名项目 cmxm"}
    rows = [values | {"ref": f"M{number}"} for number in range(count)]
    db.execute(insert(Lead.__table__), rows)
    search_index.rebuild(db)

    assert search_index.likely_matches(db, "重名") is None
    assert len(db.scalars(filtered(db, admin, TODAY, LeadFilter(text="重名"))).all()) == count


@pytest.mark.parametrize("table", search_index.NAMES)
def test_the_index_made_anew_is_the_one_that_was_kept(db, table):
    search_index.rebuild(db)
    make_zone(db)
    make_lead(db, "云海数据中心", group_name="某某集团", company=make_alias(db, "云海旧名").company)
    kept = _indexed(db, table)

    search_index.rebuild(db)

    assert kept
    assert _indexed(db, table) == kept


def _indexed(db: Session, table: str) -> dict[int, str]:
    return dict(db.execute(sql(f"SELECT rowid, CAST(grams AS text) FROM {table}")).all())


def _values(db: Session, title: str) -> dict[str, object]:
    return {
        "ref": "L-values",
        "title": title,
        "company_id": make_company(db).id,
        "stage": Stage.FOLLOWING,
        "secrecy": Secrecy.OPEN,
        "entered_on": TODAY,
        "entered_at": NOW,
    }
