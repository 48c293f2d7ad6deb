"""A zone's own fields on leads: how values are read, kept and changed (PROJECTS 1)."""

from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from crm.base.errors import Refused
from crm.leads.models import Lead
from crm.leads.own_field_models import LeadOwnValue, OwnField, OwnKind
from crm.leads.own_field_setup import ChoiceData, OwnFieldData, add_field, change_field, choices_of
from crm.leads.own_fields import DefinedField, OwnChoice, number_text, own_fields
from crm.leads.own_values import OwnFilter, held_values, keep_own_values, own_changes, own_rows
from crm.leads.queries import LeadFilter, filtered
from crm.leads.service import change_own_values
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.rules import Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_lead, make_person

TODAY = NOW.date()
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def admin(db):
    return make_person(db, "root", role=Role.ADMIN)


def field_of(kind, *choices):
    offered = tuple(OwnChoice(n, f"{n}", name, True) for n, name in enumerate(choices, start=1))
    return DefinedField(1, "own_1", "预计用工人数", kind, None, True, offered)


def add(db, admin, name, kind=OwnKind.TEXT, *choices):
    data = OwnFieldData(name=name, kind=kind, new_choices=choices)
    return add_field(db, data=data, by=admin, now=NOW)


def changed(row, **values):
    kept = {"name": row.name, "kind": row.kind} | values
    return OwnFieldData(**kept)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("１，２００", Decimal(1200)),
        (" 3.50 ", Decimal("3.50")),
        ("−0.5", Decimal("-0.5")),
        ("999999999999.9999", Decimal("999999999999.9999")),
        ("", None),
    ],
)
def test_a_number_is_read_as_people_write_it_and_kept_exactly(typed, value):
    assert field_of(OwnKind.NUMBER).read(typed) == value


@pytest.mark.parametrize(
    "typed", ["NaN", "1e5", "∞", "12,00", "1.23456", "1000000000000", "三百", "٣"]
)
def test_what_is_no_plain_number_is_refused_at_its_field(typed):
    with pytest.raises(Refused, match="bad_own_number") as refused:
        field_of(OwnKind.NUMBER).read(typed)

    assert refused.value.field == "own_1"


def test_other_cells_are_read_by_their_kind():
    assert field_of(OwnKind.DATE).read("2026年7月1日") == date(2026, 7, 1)
    assert field_of(OwnKind.CHOICE, "是", "否").read("否") == "2"
    assert field_of(OwnKind.TEXT).read(" 需双回路供电 ") == "需双回路供电"
    for kind, typed, code in (
        (OwnKind.DATE, "下旬", "bad_date"),
        (OwnKind.CHOICE, "未知", "unknown_word"),
        (OwnKind.TEXT, "长" * 201, "text_too_long"),
    ):
        with pytest.raises(Refused, match=code):
            field_of(kind).read(typed)


def test_a_number_is_written_without_exponent_and_trailing_zeros():
    assert [number_text(Decimal(text)) for text in ("1E+3", "2.5000", "-0.10")] == [
        "1000",
        "2.5",
        "-0.1",
    ]


def test_ten_fields_are_in_use_at_most_and_a_retired_one_makes_room(db, admin):
    rows = [add(db, admin, f"事项{number}") for number in range(10)]
    with pytest.raises(Refused, match="too_many_own_fields"):
        add(db, admin, "第十一项")

    change_field(db, row=rows[0], data=changed(rows[0], is_used=False), by=admin, now=NOW)
    add(db, admin, "第十一项")

    with pytest.raises(Refused, match="too_many_own_fields"):
        change_field(db, row=rows[0], data=changed(rows[0]), by=admin, now=NOW)


@pytest.mark.parametrize("name", ["备注", "落户园区", "环 评"])
def test_a_name_is_given_once_those_of_the_lead_included(db, admin, name):
    add(db, admin, "环评")

    with pytest.raises(Refused, match="name_taken"):
        add(db, admin, name)


def test_the_kind_of_a_field_with_values_stays(db, admin):
    row, lead = add(db, admin, "用工人数", OwnKind.NUMBER), make_lead(db)
    change_field(db, row=row, data=changed(row, kind=OwnKind.TEXT), by=admin, now=NOW)
    keep_own_values(db, lead, {row.code: "约三百人"}, by=admin, now=NOW)

    with pytest.raises(Refused, match="own_kind_stays"):
        change_field(db, row=row, data=changed(row, kind=OwnKind.DATE), by=admin, now=NOW)

    by_hand = update(OwnField).where(OwnField.id == row.id).values(kind=OwnKind.DATE)
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(by_hand)


def test_a_choice_that_a_lead_has_is_retired_and_others_are_removed(db, admin):
    row, lead = add(db, admin, "高新技术企业", OwnKind.CHOICE, "是", "否", "拟申报"), make_lead(db)
    keep_own_values(db, lead, {row.code: "1"}, by=admin, now=NOW)
    yes, no, soon = choices_of(db, row.id)
    wanted = {
        yes.id: ChoiceData("是", is_offered=False),
        no.id: ChoiceData("否", is_offered=False),
        soon.id: ChoiceData("正在申报"),
    }
    change_field(db, row=row, data=changed(row, choices=wanted), by=admin, now=NOW)

    (field,) = own_fields(db)
    shown = [(choice.code, choice.name, choice.is_offered) for choice in field.choices]
    assert shown == [("1", "是", False), ("3", "正在申报", True)]
    keep_own_values(db, lead, {row.code: "1"}, by=admin, now=LATER)  # it keeps what it has
    with pytest.raises(Refused, match="unknown_word"):
        keep_own_values(db, make_lead(db, "乙项目"), {row.code: "1"}, by=admin, now=LATER)


def test_a_changed_value_stays_beside_the_new_one_and_only_one_holds(db, admin):
    row, lead = add(db, admin, "用工人数", OwnKind.NUMBER), make_lead(db)
    keep_own_values(db, lead, {row.code: Decimal(100)}, by=admin, now=NOW)

    before, after = keep_own_values(db, lead, {row.code: Decimal("120.5")}, by=admin, now=LATER)

    rows = own_rows(db, lead.id)
    assert (before, after) == ({row.code: "100"}, {row.code: "120.5"})
    assert held_values(rows) == {row.code: Decimal("120.5")}
    assert [(c.former, c.latter) for c in own_changes(rows, NOW)] == [
        (Decimal(100), Decimal("120.5"))
    ]
    (first, _) = db.scalars(select(LeadOwnValue).order_by(LeadOwnValue.id)).all()
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(update(LeadOwnValue).where(LeadOwnValue.id == first.id).values(replaced_at=None))


def test_the_list_is_narrowed_by_each_kind_of_field(db, admin):
    fields = [
        add(db, admin, "高新", OwnKind.CHOICE, "是", "否"),
        add(db, admin, "用工", OwnKind.NUMBER),
        add(db, admin, "受理", OwnKind.DATE),
        add(db, admin, "难点"),
    ]
    for title, values in (
        ("甲", ("1", Decimal(120), date(2026, 7, 1), "需双回路供电")),
        ("乙", ("2", Decimal(80), date(2026, 8, 1), "用工")),
    ):
        kept = dict(zip((row.code for row in fields), values, strict=True))
        keep_own_values(db, make_lead(db, title), kept, by=admin, now=NOW)
    high, workers, accepted, trouble = (row.id for row in fields)
    yes = choices_of(db, high)[0].id

    for own in (
        OwnFilter(high, choice_id=yes),
        OwnFilter(workers, first=Decimal(100), last=Decimal("120.5")),
        OwnFilter(accepted, last=date(2026, 7, 31)),
        OwnFilter(trouble, text="双回路"),
    ):
        query = filtered(db, viewer(db, admin, TODAY), TODAY, LeadFilter(own=(own,)))
        assert [lead.title for lead in db.scalars(query)] == ["甲"]


def at_once(sessions, *calls):
    """Run the calls in transactions of their own; the codes of those that were refused."""
    together, refused = Barrier(len(calls)), []

    def run(call):
        together.wait()
        try:
            with transaction(sessions) as db:
                call(db, db.scalars(select(Person)).one())
        except Refused as refusal:
            refused.append(refusal.code)

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_of_two_who_add_the_last_field_at_once_one_is_refused(sessions):
    with transaction(sessions) as db:
        admin = make_person(db, "root", role=Role.ADMIN)
        for number in range(9):
            add(db, admin, f"事项{number}")

    refused = at_once(
        sessions, lambda db, by: add(db, by, "甲项"), lambda db, by: add(db, by, "乙项")
    )

    assert refused == ["too_many_own_fields"]


def test_of_two_who_change_a_value_at_once_both_stand_in_its_history(sessions):
    with transaction(sessions) as db:
        admin = make_person(db, "root", role=Role.ADMIN)
        code, lead = add(db, admin, "用工人数", OwnKind.NUMBER).code, make_lead(db)
        keep_own_values(db, lead, {code: Decimal(100)}, by=admin, now=NOW)
        lead_id = lead.id

    def to(number, now):
        def change(db, by):
            lead, values = db.get_one(Lead, lead_id), {code: Decimal(number)}
            change_own_values(db, lead=lead, values=values, by=by, now=now)

        return change

    refused = at_once(sessions, to(120, LATER), to(130, LATER + timedelta(minutes=1)))

    with sessions() as db:
        rows = own_rows(db, lead_id)
    assert refused == []
    assert sum(row.replaced_at is None for row in rows) == 1
    assert sorted(row.value for row in rows) == [100, 120, 130]
