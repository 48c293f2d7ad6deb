"""No message, related record or number reveals what the reader may not see."""

import re
from datetime import date, timedelta

import pytest

from crm.leads.models import Company, Lead
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from crm.visits.rules import Status
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_company,
    make_followup,
    make_grant,
    make_lead,
    make_person,
    make_regime,
    make_unit,
    make_visit,
    sign_in,
)

MARK = "机密标记"
FIGURE = "/compliance/figure?rule=recruiter-monthly&person=holder&period=2026-07"
EVERYWHERE = [
    "/",
    "/visits?who=all",
    "/visits?who=all&q=机密",
    *(f"/visits/{row}{page}" for row in (1, 2, 3) for page in ("", "/edit")),
    "/leads",
    "/leads?q=标记",
    "/leads/1",
    "/leads/1/edit",
    "/followups?who=all&view=open",
    "/followups?who=all&view=done",
    "/followups/1",
    "/followups/2",
    "/visits/new?lead=1",
    "/followups/new?lead=1",
    "/compliance?period=2026-07",
    "/compliance?tab=waiting",
    FIGURE,
]


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        make_regime(db)
        unit = make_unit(db)
        return {
            "unit": unit,
            "liwei": make_person(db, "liwei", unit=unit),
            "deputy": make_person(db, "deputy", duty=Duty.DEPUTY, unit=unit),
            "boss": make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit),
            "keeper": make_person(db, "keeper"),
        }


@pytest.fixture
def planned(app, zone):
    """A visit of the deputy's that liwei entered for the deputy."""
    with arranged(app) as db:
        make_grant(db, zone["deputy"], zone["liwei"])
        return make_visit(
            db, zone["deputy"], status=Status.PLANNED, entered_by_id=zone["liwei"].id
        ).id


def test_who_only_entered_a_visit_is_not_told_the_leaders_figures(app, planned):
    client = sign_in(app, "liwei")

    client.post(f"/visits/{planned}/done")
    page = client.get("/").text

    assert "已办结" in page
    assert "带队拜访" not in page


def test_the_line_of_command_is_told_what_a_visit_did_to_the_leaders_figures(app, planned):
    client = sign_in(app, "boss")

    client.post(f"/visits/{planned}/done")

    assert "本月带队拜访 0/6 → 1/6" in client.get("/").text


@pytest.fixture
def second_phase(app, zone):
    """An open lead of liwei's whose earlier project only its keeper may know of."""
    with arranged(app) as db:
        earlier = make_lead(
            db, "一期", secrecy=Secrecy.RESTRICTED, tracker=zone["keeper"], code_name="海棠"
        )
        lead = make_lead(
            db, "二期", unit=zone["unit"], tracker=zone["liwei"], earlier_lead_id=earlier.id
        )
        return lead.id, earlier.id


def test_a_lead_does_not_show_that_it_follows_a_hidden_one(app, second_phase):
    page = sign_in(app, "liwei").get(f"/leads/{second_phase[0]}").text

    assert "前期项目" not in page
    assert "海棠" not in page


def test_a_change_does_not_wipe_the_earlier_lead_that_it_cannot_see(app, second_phase):
    lead_id, earlier_id = second_phase
    form = {"company": "公司", "title": "二期扩建", "secrecy": "open", "earlier_lead_id": ""}

    sign_in(app, "liwei").post(f"/leads/{lead_id}/edit", data=form)

    with arranged(app) as db:
        lead = db.get_one(Lead, lead_id)
        assert (lead.title, lead.earlier_lead_id) == ("二期扩建", earlier_id)


@pytest.mark.parametrize("path", ["/visits/new", "/followups/new"])
def test_a_form_asked_for_about_a_hidden_lead_names_nothing_of_it(app, second_phase, path):
    page = sign_in(app, "liwei").get(path, query_string={"lead": second_phase[1]}).text

    assert "海棠" not in page
    assert "一期" not in page


def test_a_forged_lead_is_refused_as_if_it_were_none(app, zone, second_phase):
    form = {
        "kind": "outreach",
        "channel": "in_person",
        "status": "done",
        "first_on": date(2026, 7, 14).isoformat(),
        "starts": "09:00",
        "ends": "10:00",
        "city": "上海",
        "leader_id": str(zone["liwei"].id),
    }

    pages = [
        sign_in(app, "liwei").post("/visits/new", data=form | {"lead_ids": str(lead_id)}).text
        for lead_id in (second_phase[1], 999_999)
    ]

    assert all("未找到该线索，请重新选择。" in page for page in pages)
    assert "海棠" not in pages[0]


@pytest.fixture
def shared(app, zone):
    """An open lead of a company whose group and credit code came with a restricted one."""
    with arranged(app) as db:
        insider = make_person(db, "insider", unit=zone["unit"])
        company = make_company(db, "共有公司", group_name="某某集团", credit_code="CODE9")
        given = {"company": company, "unit": zone["unit"]}
        make_lead(db, "海棠", secrecy=Secrecy.RESTRICTED, tracker=insider, **given)
        return make_lead(db, "公开项目", tracker=insider, **given).id


@pytest.mark.parametrize(("who", "is_told"), [("liwei", False), ("insider", True)])
def test_what_a_hidden_lead_told_of_a_company_is_not_told_with_another(app, shared, who, is_told):
    client = sign_in(app, who)

    page, form = (client.get(f"/leads/{shared}{path}").text for path in ("", "/edit"))
    found = client.get("/leads?q=某某集团").text

    assert "共有公司" in page
    assert ("某某集团" in page) is is_told
    assert ("某某集团" in form and "CODE9" in form) is is_told
    assert ("公开项目" in found) is is_told


def test_an_edit_does_not_wipe_what_it_may_not_read_of_a_company(app, shared):
    form = {"company": "共有公司", "title": "公开项目二期", "secrecy": "open"}

    sign_in(app, "liwei").post(f"/leads/{shared}/edit", data=form)

    with arranged(app) as db:
        lead = db.get_one(Lead, shared)
        company = db.get_one(Company, lead.company_id)
        stored = (lead.title, company.group_name, company.credit_code)
    assert stored == ("公开项目二期", "某某集团", "CODE9")


WORDS = ("met", "position", "minutes", "next_step", "note")


@pytest.fixture
def secret(app, zone):
    """A restricted lead of the unit with visits and steps, each of whose words is a mark."""
    with arranged(app) as db:
        keeper = make_person(db, "holder", unit=zone["unit"])
        company = make_company(db, f"{MARK}公司", group_name=MARK, credit_code=MARK)
        lead = make_lead(
            db,
            f"{MARK}项目",
            secrecy=Secrecy.RESTRICTED,
            tracker=keeper,
            unit=zone["unit"],
            company=company,
            note=MARK,
            source=MARK,
        )
        words = dict.fromkeys(WORDS, MARK) | {"leads": [lead]}
        make_visit(db, keeper, date(2026, 7, 1), logged_at=NOW - timedelta(days=1), **words)
        make_visit(db, keeper, date(2026, 7, 14), **words)
        make_visit(db, keeper, date(2026, 7, 16), status=Status.PLANNED, **words)
        make_followup(db, lead, keeper, date(2026, 7, 10), what=MARK)
        make_followup(db, lead, keeper, date(2026, 7, 20), what=MARK, result=MARK, done_at=NOW)


@pytest.mark.parametrize("who", ["liwei", "boss", "deputy"])
def test_no_page_tells_a_word_of_a_restricted_lead_to_who_is_not_named_on_it(app, secret, who):
    client = sign_in(app, who)

    pages = [client.get(path).text for path in EVERYWHERE]

    assert MARK in sign_in(app, "holder").get("/leads/1").text
    assert not [path for path, page in zip(EVERYWHERE, pages, strict=True) if MARK in page]


NAME, CODE = "知名公司", "91320600MA1ABCDE19"
# what differs from one answer to the next, whatever is known
PASSING = re.compile(
    r'(?<=value=")[^"]*\.[^"]*(?=")|(?<=value=")F-?\d[^"]*(?=")|(?<=/leads/)\d+|(?<=/companies/)\d+'
    r"|(?<=open=correct-)\d+|(?<=编号 )[\w-]+"
)


def pages_of_an_entry(app, who):
    """What a person is answered who enters a lead of the company, changes it and looks it up."""
    client = sign_in(app, who)
    entry = {
        "ref": "L-1",
        "company": NAME,
        "title": "新项目",
        "stage": "lead",
        "entered_on": "2026-07-15",
        "secrecy": "open",
        "contact": "苏先生",
        "phone": "0513-85921234",
        "credit_code": CODE,
        "group_name": "某某集团",
    }
    changed = entry | {"group_name": "另一集团", "credit_code": "", "phone": "0513-85925678"}
    home = client.post("/leads/new", data=entry).location
    answers = [
        *(client.get(path) for path in (home, f"{home}/edit", "/leads?q=某某集团")),
        client.post(f"{home}/edit", data=changed),
        *(client.get(path) for path in (home, f"{home}/edit", "/leads?q=另一集团")),
        client.post(f"{home}/edit", data=entry | {"company": f"{NAME}新", "contact": "另一位"}),
        *(client.get(path) for path in (home, f"{home}/edit", "/leads", f"/leads?q={NAME}")),
        client.post("/leads/new", data=entry | {"ref": "L-2", "company": "别名"}),
        client.get("/admin/audit?subject=company"),
        client.get("/admin/audit?subject=lead"),
    ]
    return [(each.status_code, PASSING.sub("", each.text)) for each in answers]


@pytest.mark.parametrize("who", ["liwei", "root"])
def test_a_company_that_only_a_hidden_lead_knows_is_as_one_that_nobody_knows(database, moment, who):
    pages = []
    for is_known in (False, True):
        app = database.fresh_app()
        with arranged(app) as db:
            unit = make_unit(db, "单位")
            keeper = make_person(db, "holder", unit=unit)
            make_person(db, "liwei", unit=unit)
            make_person(db, "root", role=Role.ADMIN, unit=unit)
            known = {"group_name": MARK, "credit_code": CODE} if is_known else {}
            company = make_company(db, NAME if is_known else "别的公司", **known)
            make_lead(db, MARK, company=company, secrecy=Secrecy.RESTRICTED, tracker=keeper)
        pages.append(pages_of_an_entry(app, who))
        database.wipe()

    assert pages[0] == pages[1]
    assert "某某集团" in pages[0][0][1]
    assert "苏先生" in pages[0][0][1]
