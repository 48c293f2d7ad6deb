"""Leads from a file: entered as by the form, whole or not at all, once (PROJECTS 1, 2, 6)."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from crm.base.money import Currency
from crm.base.sheets import Format, SheetRefused, write_sheet, write_template
from crm.leads.amount_models import ExchangeRate, LeadAmount
from crm.leads.batch_duplicates import duplicates_of_batch
from crm.leads.catalog_models import LeadSite, Site, SiteKind
from crm.leads.companies import CompanyData, LeadScope
from crm.leads.contacts import ContactData
from crm.leads.duplicates import Entered, Level, duplicates
from crm.leads.exports import lead_rows
from crm.leads.fields import LEAD_COLUMNS, LeadData
from crm.leads.import_own import lead_columns
from crm.leads.imports import check_leads, keep_leads
from crm.leads.models import Company, Contact, Lead, LeadRole, Milestone, MilestonePlan
from crm.leads.own_field_models import LeadOwnValue, OwnField, OwnKind
from crm.leads.own_field_setup import OwnFieldData, add_field
from crm.leads.rules import Agreement, AmountKind, Secrecy, Stage
from crm.leads.service import add_lead, reach
from crm.people.rules import Role, UnitKind
from tests.conftest import NOW
from tests.factories import make_company, make_contact, make_lead, make_person, make_unit
from tests.leads.zone import TODAY, make_zone

CODE = "91320600MA1ABCDE19"
HEAD = [column.code for column in LEAD_COLUMNS if not (column.optional or column.shown_only)]
TABLES = (Company, Contact, Lead, Milestone, LeadRole, LeadAmount, LeadOwnValue)
BESIDE = (LeadOwnValue, LeadAmount, MilestonePlan, LeadSite)
SIGNED = date(2026, 5, 20)
NOT_COMPARED = {"id", "company_id", "lead_id", "entered_at", "created_at"}


def content(*rows):
    file = io.StringIO()
    head = [*HEAD, *dict.fromkeys(name for row in rows for name in row if name not in HEAD)]
    writer = csv.DictWriter(file, head, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode("gb18030")


def import_leads(db, *rows, by=None, leaves_out=False):
    file = check_leads(db, content=content(*rows), by=by, now=NOW, leaves_out=leaves_out)
    return keep_leads(db, file=file, by=by, now=NOW)


def codes(refused):
    return [(problem.line, problem.why.code) for problem in refused.value.problems]


@pytest.fixture
def zone(db):
    return make_zone(db)


@pytest.fixture
def own(db):
    """The codes of three own fields: a choice, a number and a date."""
    admin = make_person(db, role=Role.ADMIN)
    return [
        add_field(
            db,
            data=OwnFieldData(name=name, kind=kind, new_choices=choices),
            by=admin,
            now=NOW,
        ).code
        for name, kind, choices in (
            ("高新技术企业", OwnKind.CHOICE, ("是", "否")),
            ("预计用工人数", OwnKind.NUMBER, ()),
            ("环评受理日期", OwnKind.DATE, ()),
        )
    ]


def stored(db):
    """All rows of leads and companies, and their indexes, but for ids and moments."""
    rows = {
        table.__tablename__: [
            {name: getattr(row, name) for name in {*table.__table__.columns.keys()} - NOT_COMPARED}
            for row in db.scalars(select(table).order_by(table.id)).unique()
        ]
        for table in TABLES
    }
    for name in ("lead_gram", "company_gram"):
        rows[name] = list(db.scalars(text(f"SELECT grams FROM {name} ORDER BY rowid")))
    db.expunge_all()
    return rows


def test_an_imported_row_is_what_the_form_would_have_entered(db, zone, own):
    park = make_unit(db, "生态园", code="eco", kind=UnitKind.PARK)
    db.add(ExchangeRate(on=SIGNED, currency=Currency.USD, rate=Decimal("7.1"), entered_at=NOW))
    tracker, leader, by = (zone.people[name] for name in ("tracker", "leader", "stranger"))
    unit = zone.units["bureau"]
    savepoint = db.begin_nested()
    data = LeadData(
        ref="L260105-7KQ2MX",
        company=CompanyData(
            name="云海科技（江苏）有限公司", credit_code=CODE, group_name="云海集团"
        ),
        contact=ContactData(name="王先生", position="总经理", phone="13800000000"),
        title="云海研发中心",
        secrecy=Secrecy.RESTRICTED,
        code_name="蓝鲸",
        project_company="云海研发（南通）有限公司",
        industry="it",
        park_id=park.id,
        source="以商引商",
        amount=Decimal(80_000_000),
        currency=Currency.USD,
        other_amounts={AmountKind.FOREIGN_CAPITAL: (Decimal(30_000_000), Currency.USD)},
        own_values=dict(zip(own, ("1", Decimal(1200), SIGNED), strict=True)),
        note="第一行\n第二行",
        entered_on=date(2026, 1, 5),
        unit_id=unit.id,
        tracker_id=tracker.id,
        leader_id=leader.id,
    )
    lead = add_lead(db, data=data, by=by, now=NOW)
    reach(
        db,
        lead=lead,
        kind=Stage.SIGNED,
        on=SIGNED,
        agreement=Agreement.FORMAL,
        by=by,
        now=NOW,
    )
    entered = stored(db)
    savepoint.rollback()

    import_leads(
        db,
        {
            "ref": "L260105-7KQ2MX",
            "company": "云海科技（江苏）有限公司",
            "credit_code": CODE.lower(),
            "group": "云海集团",
            "title": "云海研发中心",
            "stage": "签约",
            "signed_on": "2026年5月20日",
            "agreement": "正式投资协议",
            "industry": "新一代信息技术",
            "park": "生态园",
            "source": "以商引商",
            "amount": "8,000万美元",
            "foreign_capital": "30000000",
            "foreign_capital_currency": "美元",
            "unit": unit.name,
            "tracker": tracker.username,
            "leader": leader.name,
            "contact": "王先生",
            "contact_phone": "13800000000",
            "contact_position": "总经理",
            "entered_on": "2026/1/5",
            "note": "第一行\n第二行",
            "secrecy": "限知",
            "code_name": "蓝鲸",
            "project_company": "云海研发（南通）有限公司",
            **dict(zip(own, ("是", "１，２００", "2026年5月20日"), strict=True)),
        },
        by=by,
    )
    imported = stored(db)

    for name, rows in entered.items():
        key = str if name.endswith("_gram") else lambda row: sorted(map(str, row.items()))
        assert sorted(imported[name], key=key) == sorted(rows, key=key), name


@pytest.fixture
def full(db, zone):
    """A row of much."""
    sites = {"park_id": None, "kind": SiteKind.LAND, "is_offered": True}
    db.add_all(Site(name=name, **sites) for name in ("海东一号地块", "海东二号地块"))
    db.flush()
    return {
        "company": "沧海智能装备有限公司",
        "title": "沧海二期",
        "stage": "搁置",
        "negotiating_on": "2026-02-01",
        "side_milestones": "研判 2026-01-12；框架协议 2026-03-01",
        "plans": "签约 2026-12-01；研判 2026-01-10；供地 2027年3月1日",
        "sites": "海东二号地块；海东一号地块",
        "agreement": "框架协议",
        "stopped_on": "2026-06-01",
        "stop_reason": "资金未落实",
        "look_again_on": "2026-09-01",
        "amount": "12.5亿",
        "fixed_assets": "8亿元",
        "unit": "招商局",
        "assisting_units": "经发局；一组",
        "tracker": "tracker",
        "task_force_head": "supervisor",
        "task_force": "colleague;below",
        "entered_on": "2026-01-05",
    }


def test_a_repeat_of_the_same_file_changes_nothing_and_says_so(db, full):
    other = {"ref": "L-1", "company": "别家", "title": "别的"}

    first = import_leads(db, full, other, full)
    second = import_leads(db, full, other)

    assert (first.added, first.unchanged) == (2, 1)
    assert (second.added, second.unchanged) == (0, 2)


@pytest.mark.parametrize("form", [Format.CSV, Format.XLSX])
def test_what_is_exported_is_imported_again(db, full, own, form):
    import_leads(db, full | dict(zip(own, ("否", "0.50", "2026-03-01"), strict=True)))
    exported = lead_rows(db, None, TODAY)

    def again():
        file = write_sheet(lead_columns(db), exported, in_chinese=form is Format.XLSX, form=form)
        return keep_leads(
            db, file=check_leads(db, content=file, by=None, now=NOW), by=None, now=NOW
        )

    assert (again().added, again().unchanged) == (0, len(exported))
    for table in (*BESIDE, Milestone, LeadRole, Contact, Lead):
        for row in db.scalars(select(table)):
            db.delete(row)
        db.flush()
    assert again().added == len(exported)
    assert lead_rows(db, None, TODAY) == exported


def test_a_known_company_is_linked_and_its_data_stay(db, zone):
    known = make_company(db, "南通华强科技有限公司", credit_code=CODE, group_name="华强集团")
    make_contact(db, known, "李工", phone="13900000000")

    result = import_leads(
        db,
        {"company": "华强（改名）公司", "credit_code": CODE, "title": "甲", "group": "别的集团"},
        {"company": "华强科技股份有限公司", "title": "乙", "contact": "李工"},
        {"company": "上海华强科技有限公司", "title": "丙"},
    )

    companies = dict(db.execute(select(Lead.title, Lead.company_id)).all())
    assert (companies["甲"], companies["乙"]) == (known.id, known.id)
    assert companies["丙"] != known.id  # another place
    assert (known.name, known.group_name) == ("南通华强科技有限公司", "华强集团")
    assert len(db.scalars(select(Contact).where(Contact.company_id == known.id)).all()) == 1
    assert "companies_linked" in {notice.why.code for notice in result.notices}


def test_duplicates_are_named_and_left_out_or_imported_anyway(db, zone):
    lead = make_lead(db, "一期", company=make_company(db, "江苏云海科技有限公司"))
    rows = [
        {"company": "云海科技", "title": "二期"},
        {"company": "新来的甲", "title": "丁", "contact": "张", "contact_phone": "13800000001"},
        {"company": "新来的乙", "title": "戊", "contact": "张", "contact_phone": "13800000001"},
    ]
    named = check_leads(db, content=content(*rows), by=None, now=NOW).alike

    assert [(row.line, row.lead_ids, row.first_line) for row in named] == [
        (2, (lead.id,), None),
        (4, (), 3),
    ]
    result = import_leads(db, *rows, leaves_out=True)
    assert (result.added, result.left_out) == (1, 2)
    assert import_leads(db, *rows).added == 2


def test_a_batch_finds_the_same_duplicates_as_the_form(db, zone):
    hidden = zone.leads[Secrecy.RESTRICTED]
    company = make_company(db, "江苏云海科技有限公司")
    lead = make_lead(db, "一期", company=company, credit_code=CODE)
    make_contact(db, company, lead=lead, phone="0513-85921234")
    make_contact(db, company, lead=hidden, phone="13500000000")
    entries = [
        Entered(name="雲海科技（南通）股份有限公司"),
        Entered(name="甲", credit_code=CODE.lower()),
        Entered(name="甲", phone="0513-85921234"),
        Entered(name="甲", phone="13500000000"),
        Entered(name="甲"),
    ]
    levels = (Level.CERTAIN, Level.LIKELY)

    for who in ("stranger", "tracker"):
        scope = LeadScope(zone.eyes(who), TODAY)
        found = duplicates_of_batch(db, entries, scope)
        assert found == [
            {row.lead_id: row.likenesses[0] for row in duplicates(db, entry, scope, levels=levels)}
            for entry in entries
        ]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"company": ""}, "required"),
        ({"credit_code": "91320600MA1ABCDE18"}, "bad_credit_code"),
        ({"amount": "很多"}, "bad_figure"),
        ({"amount": "8000万美元", "currency": "元"}, "currency_disagrees"),
        ({"industry": "没有的"}, "unknown_word"),
        ({"park": "招商局"}, "not_a_park"),
        ({"unit": "没有的"}, "unknown_unit"),
        ({"tracker": "没有的"}, "unknown_person_in_file"),
        ({"side_milestones": "研判"}, "bad_milestone"),
        ({"plans": "搁置 2027-01-01"}, "bad_milestone"),
        ({"plans": "开工 2027-01-01；开工 2027-02-01"}, "milestone_twice"),
        ({"sites": "没有的地块"}, "unknown_word"),
        ({"secrecy": "限知", "code_name": "鲸"}, "restricted_needs_person"),
        ({"ref": "L-hidden"}, "duplicate_ref"),
        ({"earlier": "L-none"}, "unknown_lead_ref"),
        ({"own_1": "未知"}, "unknown_word"),
        ({"own_2": "约三百"}, "bad_own_number"),
        ({"own_3": "2026-02-30"}, "no_such_date"),
    ],
)
@pytest.mark.usefixtures("own")
def test_one_wrong_cell_refuses_the_whole_file_with_its_line(db, zone, wrong, code):
    zone.leads[Secrecy.RESTRICTED].ref = "L-hidden"
    db.flush()
    before = len(db.scalars(select(Lead)).all())
    by = None if code == "restricted_needs_person" else zone.people["stranger"]
    rows = [{"company": "甲", "title": "一"}, {"company": "乙", "title": "二"} | wrong]

    with pytest.raises(SheetRefused) as refused:
        import_leads(db, *rows, by=by)

    assert codes(refused) == [(3, code)]
    assert refused.value.problems[0].column in wrong | {"tracker": ""}
    assert len(db.scalars(select(Lead)).all()) == before


def test_a_known_reference_with_other_contents_is_refused_by_column(db, zone):
    import_leads(db, {"ref": "L-1", "company": "甲", "title": "一", "amount": "1亿"})

    with pytest.raises(SheetRefused) as refused:
        import_leads(db, {"ref": "L-1", "company": "甲", "title": "一", "amount": "2亿"})

    assert codes(refused) == [(2, "lead_ref_taken")]
    assert refused.value.problems[0].why.facts["columns"] == "amount"


def test_a_retired_own_field_is_passed_over_with_a_notice_of_its_rows(db, own):
    filled = {"company": "甲", "title": "一", "ref": "L-1", own[1]: "很多", own[2]: "2026-03-01"}
    db.scalars(select(OwnField).where(OwnField.code == own[1])).one().is_used = False
    db.flush()

    result, again = import_leads(db, filled), import_leads(db, filled)

    (row,) = db.scalars(select(LeadOwnValue))
    assert row.day == date(2026, 3, 1)
    assert [(n.why.code, n.why.facts) for n in result.notices] == [
        ("own_field_retired", {"name": own[1], "lines": "2"})
    ]
    assert (again.unchanged, again.notices) == (1, [])


def test_the_template_can_be_imported(db, zone):
    file = check_leads(db, content=write_template(LEAD_COLUMNS), by=None, now=NOW)

    assert keep_leads(db, file=file, by=None, now=NOW).added == 1
