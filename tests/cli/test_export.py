"""`crm export`: what it writes, that the import reads it again, and whose eyes it has."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select

from crm.base.clock import at_civil
from crm.base.formulas import escape_formula, unescape_formula
from crm.base.money import Currency
from crm.base.periods import Period
from crm.followups.models import Followup
from crm.leads.models import Contact, Lead
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person, Posting, Unit
from crm.people.rules import Duty, Role
from crm.quotas.models import Correction
from crm.quotas.service import freeze_period, sign_correction
from crm.transactions import transaction
from crm.visits.models import Visit, VisitCompany, VisitLead, VisitParticipant
from crm.visits.verdicts import reject_visit
from tests.conftest import NOW
from tests.factories import (
    make_company,
    make_lead,
    make_person,
    make_posting,
    make_role,
    make_rule,
    make_unit,
    make_visit,
)

FREEZE = at_civil(date(2026, 7, 6))


@pytest.fixture
def zone(sessions):
    """Two recruiters of a bureau, one of them named on a restricted lead."""
    with transaction(sessions) as db:
        unit = make_unit(db, "招商一局", code="one")
        li = make_person(db, "li", name="李", unit=unit, phone="+86 513 1", email="-li@crm.test")
        wang = make_person(db, "wang", name="=王", unit=unit)
        make_posting(db, wang, unit=unit, is_primary=False, duty=Duty.STAFF, to_on=NOW.date())
        make_person(db, "zhou", duty=None, role=Role.READER)
        secret = make_lead(db, "机密", ref="L1", secrecy=Secrecy.RESTRICTED, code_name="春晓")
        make_role(db, secret, LeadRoleKind.TRACKER, person=li)
        make_lead(db, "公开", ref="L2", amount=Decimal("12.50"), currency=Currency.CNY)
        visit = {"ref": "V1", "leads": [secret], "participants": [wang], "note": "=1+1"}
        make_visit(db, li, minutes="第一行\n第二行，机密", **visit)
    return sessions


def read(path):
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


@pytest.fixture
def export(crm, tmp_path):
    path = tmp_path / "out.csv"

    def run(*words):
        done = crm("export", words[0], str(path), *words[1:])
        assert done.exit_code == 0, done.output
        return read(path)

    run.path = path
    return run


def test_people_are_exported_a_row_a_posting(export, zone):
    rows = export("people")

    assert [(row["username"], row["primary"], row["to"]) for row in rows] == [
        ("li", "1", ""),
        ("wang", "1", ""),
        ("wang", "0", "2026-07-15"),
        ("zhou", "", ""),
    ]
    assert (rows[0]["unit"], rows[0]["duty"], rows[0]["from"]) == ("one", "recruiter", "2020-01-01")


def test_people_that_were_exported_are_imported_again_alike(crm, export, sessions):
    with transaction(sessions) as db:
        unit = make_unit(db, code="one")
        li = make_person(db, "li", name="=李", unit=unit, phone="+86 513 1", email="-li@crm.test")
        make_posting(db, li, unit=unit, is_primary=False, duty=Duty.STAFF, to_on=NOW.date())
        make_person(db, "sun", duty=None, role=Role.READER)
    before = export("people")
    with transaction(sessions) as db:
        db.execute(delete(Posting))
        db.execute(delete(Person))

    done = crm("import", "people", str(export.path))

    assert done.exit_code == 0, done.stderr
    assert export("people") == before
    assert [row["username"] for row in before] == ["li", "li", "sun"]


@pytest.mark.parametrize("what", ["people", "visits"])
@pytest.mark.parametrize("chinese", [(), ("--chinese",)])
def test_a_spreadsheet_that_was_exported_is_known_to_the_import(crm, zone, tmp_path, what, chinese):
    path = str(tmp_path / "out.xlsx")
    assert crm("export", what, path, *chinese).exit_code == 0

    done = crm("import", what, path, "--format", "json")

    assert done.exit_code == 0, done.stderr
    assert '"added": 0, "updated": 0' in done.stdout


@pytest.mark.parametrize("chinese", [(), ("--chinese",)])
def test_visits_that_were_exported_are_known_to_the_import(crm, export, zone, chinese):
    export("visits", *chinese)

    done = crm("import", "visits", str(export.path), "--format", "json")

    assert done.exit_code == 0, done.stderr
    assert '"added": 0, "updated": 0, "unchanged": 1' in done.stdout


def test_visits_that_were_exported_are_imported_again_alike(crm, export, zone):
    before = export("visits")
    with transaction(zone) as db:
        for table in (VisitCompany, VisitLead, VisitParticipant, Visit):
            db.execute(delete(table))

    done = crm("import", "visits", str(export.path))

    assert done.exit_code == 0, done.stderr
    assert export("visits") == before


def test_names_stand_beside_accounts_and_codes(export, zone):
    visit, person = export("visits")[0], export("people")[0]
    secret = export("leads")[0]

    assert (visit["leader_name"], visit["participant_names"]) == ("李", "'=王")
    assert visit["lead_titles"] == "机密"
    assert person["unit_name"] == "招商一局"
    assert (secret["tracker"], secret["tracker_name"]) == ("li", "李")


def test_names_beside_accounts_are_passed_over_and_the_result_says_so(crm, export, zone):
    export("visits")

    done = crm("import", "visits", str(export.path))

    assert "“带队人姓名、同行人姓名、线索名称、家次”列只供阅读，没有导入" in done.stderr


@pytest.mark.parametrize("nobody", ["", " "])
def test_an_empty_name_is_nobody_and_never_everybody(crm, zone, tmp_path, nobody):
    path = tmp_path / "all.csv"

    done = crm("export", "leads", str(path), "--for", nobody)

    assert (done.exit_code, path.exists()) == (1, False)


def test_a_hidden_lead_is_not_named_beside_its_reference_either(export, zone):
    (visit,) = export("visits", "--for", "wang")

    assert (visit["leads"], visit["lead_titles"]) == ("", "")


def test_line_breaks_are_of_one_kind_and_known_again(crm, export, zone):
    with transaction(zone) as db:
        visit = db.scalars(select(Visit)).one()
        visit.minutes = "一\r\n二\r三"

    (row,) = export("visits")
    again = crm("import", "visits", str(export.path), "--format", "json")

    assert row["minutes"] == "一\n二\n三"
    assert '"unchanged": 1' in again.stdout


def test_formulas_are_neutralised(export, zone):
    (visit,) = export("visits")
    people = export("people")

    assert visit["note"] == "'=1+1"
    assert people[1]["name"] == "'=王"
    assert people[0]["phone"] == "'+86 513 1"


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", " =1", "\t=1", "\n@x", "＝1", "'=1", "'-"]
)
def test_whatever_a_spreadsheet_may_take_for_a_formula_is_text(text):
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "5-1", "it's", "'a"])
def test_text_that_is_no_formula_stays_as_it_is(text):
    assert escape_formula(text) == text == unescape_formula(text)


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "'a", "a"])
def test_what_was_neutralised_comes_back_as_it_was(text):
    assert unescape_formula(escape_formula(text)) == text


def test_leads_are_exported_with_their_roles_and_their_secrecy(export, zone):
    secret, plain = export("leads")

    assert (secret["ref"], secret["tracker"], secret["secrecy"]) == ("L1", "li", "restricted")
    assert (plain["amount"], plain["currency"], plain["code_name"]) == ("12.5", "CNY", "")


def test_for_a_person_only_what_they_may_see_is_exported(export, zone):
    leads = export("leads", "--for", "wang")
    (visit,) = export("visits", "--for", "wang")
    people = export("people", "--for", "wang")

    assert [row["ref"] for row in leads] == ["L2"]
    assert visit["leads"] == ""
    assert {row["username"] for row in people} == {"wang"}


def test_of_a_company_with_a_hidden_lead_no_more_than_the_name_is_exported(export, zone):
    with transaction(zone) as db:
        company = make_company(db, "远山", credit_code="91320000MA1TEST00X")
        db.add(Contact(company_id=company.id, name="周", phone="13900000000", created_at=NOW))
        make_lead(db, "公开", ref="L3", company=company, entered_on=date(2026, 7, 1))
        hidden = {"secrecy": Secrecy.RESTRICTED, "code_name": "远山二"}
        make_lead(db, "机密二期", ref="L4", company=company, entered_on=date(2026, 7, 2), **hidden)

    everything, seen = export("leads")[2], export("leads", "--for", "wang")[-1]

    assert (everything["ref"], everything["contact"]) == ("L3", "周")
    assert (seen["ref"], seen["company"]) == ("L3", "远山")
    assert (seen["credit_code"], seen["contact"], seen["contact_phone"]) == ("", "", "")


def test_words_of_a_visit_with_a_hidden_lead_are_not_for_the_supervisor(export, zone):
    with transaction(zone) as db:
        unit = db.scalars(select(Unit).filter_by(code="one")).one()
        make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)

    (visit,) = export("visits", "--for", "boss")

    assert (visit["ref"], visit["leads"], visit["minutes"], visit["note"]) == ("V1", "", "", "")


def test_followups_are_exported_and_a_hidden_lead_is_not_named(export, zone):
    with transaction(zone) as db:
        people = {each.username: each.id for each in db.scalars(select(Person))}
        lead = db.scalars(select(Lead).filter_by(ref="L1")).one()
        db.add(
            Followup(
                ref="F1",
                lead_id=lead.id,
                person_id=people["wang"],
                due_on=date(2026, 7, 20),
                what="回访",
                entered_at=NOW,
            )
        )

    (everything,), (seen,) = export("followups"), export("followups", "--for", "wang")

    assert (everything["lead"], everything["due_at"], everything["what"]) == (
        "L1",
        "2026-07-20",
        "回访",
    )
    assert seen["lead"] == ""


def test_figures_are_exported_as_frozen_and_as_corrected_with_who_signed(export, sessions):
    june = Period.parse("2026-06")
    with transaction(sessions) as db:
        make_rule(db)
        unit = make_unit(db, code="one")
        deputy = make_person(db, "deputy", duty=Duty.DEPUTY, unit=unit)
        make_person(db, "chief", name="主管", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        visit = make_visit(db, deputy, date(2026, 6, 2))
        freeze_period(db, period=june, at=FREEZE, now=FREEZE)
        visit_id = visit.id
    with transaction(sessions) as db:
        chief = db.scalars(select(Person).filter_by(username="chief")).one()
        reject_visit(db, visit=db.get_one(Visit, visit_id), by=chief, reason="没有见到人", now=NOW)
    with transaction(sessions) as db:
        other = make_person(db, "other", role=Role.ADMIN, duty=Duty.STAFF, name="审核")
        made = db.scalars(select(Correction)).one()
        signed_at = NOW + timedelta(microseconds=5)
        sign_correction(db, correction=made, by=other, now=signed_at)

    (row,) = export("compliance", "--period", "2026-06", "--rule", "deputy-monthly")

    assert (row["person"], row["achieved"], row["corrected_achieved"]) == ("deputy", "1", "0")
    assert row["frozen_at"] == "2026-07-06T00:00:00"
    assert row["reason"].startswith("退回拜访")
    assert (row["author"], row["signed_by"]) == ("主管", "审核")
    assert row["signed_at"] == "2026-07-15T10:00:00"
    assert export("compliance", "--period", "2026-06", "--for", "other") == [row]


def test_a_recruiter_gets_figures_of_their_own_only(export, sessions):
    with transaction(sessions) as db:
        make_rule(db)
        unit = make_unit(db)
        for username in ("a", "b"):
            make_person(db, username, duty=Duty.DEPUTY, unit=unit)

    rows = export("compliance", "--period", "2026-07", "--for", "a")

    assert [row["person"] for row in rows] == ["a"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("people", "out.xls"), 2),
        (("people", "out.csv", "--period", "2026-07"), 2),
        (("compliance", "out.csv"), 2),
        (("compliance", "-", "--period", "2026-07", "--rule", "none"), 1),
        (("people", "-", "--for", "nobody"), 1),
        (("people", "/nowhere/out.csv"), 1),
    ],
)
def test_what_cannot_be_exported_is_refused(crm, zone, words, code):
    assert crm("export", *words).exit_code == code


def test_a_file_goes_to_stdout_too(crm, zone):
    done = crm("export", "people", "-", "--chinese")

    assert done.stdout_bytes.decode("utf-8-sig").startswith("账号,姓名,邮箱")
