"""Whoever may not know of a record cannot change it, nor tell it from one that does not exist."""

import re
from datetime import date
from io import BytesIO

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.db import Base
from crm.base.money import Currency
from crm.leads.catalog_models import LeadSite, Site, SiteKind
from crm.leads.proposal_models import CompanyProposal, ProposalField, ProposalState
from crm.leads.rules import Agreement, LeadRoleKind, Secrecy, Stage
from crm.people.rules import Duty, Role
from crm.results.models import Claim
from crm.results.receipt_forms import form_rows, plant_forms
from crm.results.receipt_models import Receipt
from crm.results.rules import ClaimKind, ClaimState
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_company,
    make_contact,
    make_followup,
    make_lead,
    make_milestone,
    make_person,
    make_plan,
    make_problem,
    make_role,
    make_unit,
    sign_in,
)
from tests.files.samples import picture

NOBODYS = 2_000_000_000  # the id of no record
ON = date(2026, 7, 1)
OUTSIDERS = {
    "recruiter": Role.RECRUITER,
    "supervisor": Role.SUPERVISOR,
    "leader": Role.LEADER,
    "reader": Role.READER,
    "admin": Role.ADMIN,
}
# What changes with every request, and the chain of the trail, whose entries are counted apart.
OF_SESSIONS = frozenset({"login_session", "rate_count", "audit_entry", "audit_link", "audit_head"})
REQUEST_ID = re.compile(r"编号 [\w-]+，")  # of its own for each answer
# A valid value for each field of any form.
EVERYTHING = {
    "on": "2026-07-10",
    "kind": "started",
    "stage": "started",
    "agreement": "formal",
    "reason": "情况有变",
    "planned_on": "2026-08-20",
    "due_on": "2026-08-20",
    "what": "电话回访",
    "result": "已回访",
    "role": "tracker",
    "from_on": "2026-07-15",
    "last_on": "2026-07-15",
    "amount": "100万元",
    "arrived_on": "2026-07-10",
    "payer": "云海科技",
    "counts_on": "2026-07-10",
    "document_number": "1号",
    "document_issuer": "管委会",
    "document_on": "2026-07-10",
    "is_declared": "y",
    "basis": "已核实",
    "text": "已协调",
    "name": "王工",
    "value": "云海集团",
    "company": "云海科技",
    "title": "研发中心",
    "secrecy": "open",
    "city": "苏州",
    "first_on": "2026-07-20",
    "starts": "09:00",
    "ends": "10:00",
    "matter": "用地指标未落实",
}


class Zone:
    """A restricted project of one bureau with a row of everything, and people of another."""

    def __init__(self, db, secrecy):
        unit, other = make_unit(db), make_unit(db)
        holder = make_person(db, "holder", unit=unit)
        for name, role in OUTSIDERS.items():
            make_person(db, name, role=role, unit=other, duty=Duty.STAFF)
        company = make_company(db, "云海科技")
        self.lead = lead = make_lead(
            db, unit=unit, tracker=holder, secrecy=secrecy, company=company, yi="3"
        )
        signed = make_milestone(db, lead, Stage.SIGNED, ON, agreement=Agreement.FORMAL)
        lead.stage = Stage.SIGNED
        role = make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=holder)
        make_plan(db, lead, Stage.STARTED, date(2026, 8, 1))
        site = Site(name="3 号厂房", kind=SiteKind.PLANT, is_offered=True)
        db.add(site)
        db.flush()
        offer = LeadSite(lead_id=lead.id, site_id=site.id, offered_on=ON, entered_at=NOW)
        plant_forms(db, NOW)
        form_id = form_rows(db)[0].id
        receipt = Receipt(
            ref="R-1",
            lead_id=lead.id,
            form_id=form_id,
            arrived_on=ON,
            amount=1000,
            currency=Currency.CNY,
            counted_amount=1000,
            payer="云海科技",
            entered_at=NOW,
            entered_by_id=holder.id,
        )
        claim = Claim(
            lead_id=lead.id,
            kind=ClaimKind.SIGNED,
            state=ClaimState.RETURNED,
            round=1,
            reached_on=ON,
            counts_on=ON,
            first_claimed_at=NOW,
            claimed_at=NOW,
            claimed_by_id=holder.id,
            agreement=Agreement.FORMAL,
            unit_id=unit.id,
        )
        contact = make_contact(db, company)
        proposal = CompanyProposal(
            company_id=company.id,
            field=ProposalField.GROUP,
            state=ProposalState.OPEN,
            value="云海集团",
            proposed_at=NOW,
            proposed_by_id=holder.id,
        )
        db.add_all([offer, receipt, claim, proposal])
        db.flush()
        self.ids = {
            "lead_id": lead.id,
            "milestone_id": signed.id,
            "role_id": role.id,
            "offer_id": offer.id,
            "followup_id": make_followup(db, lead, holder, date(2026, 7, 20)).id,
            "company_id": company.id,
            "contact_id": contact.id,
            "proposal_id": proposal.id,
            "problem_id": make_problem(db, holder, [lead], unit=unit, person=holder).id,
            "claim_id": claim.id,
            "receipt_id": receipt.id,
            "kind": "started",
            "field": "group_name",
            "step": None,
        }
        self.form = {"form_id": form_id, "site_id": site.id, "category_id": 1}
        self.form |= {"lead_ids": lead.id, "leader_id": holder.id, "person_id": holder.id}


ARGUMENT = re.compile(r"<(?:([^<>]*):)?(\w+)>")
CHOICE = re.compile(r"any\((.*)\)")


def paths(app, ids):
    """By endpoint and path, what is sent about a record; every step of a workflow by itself."""
    found = []
    for rule in app.url_map.iter_rules():
        named = {name for name in rule.arguments if name.endswith("_id")}
        if "POST" in rule.methods and named and named <= ids.keys():
            found += [(rule.endpoint, path) for path in _filled(rule.rule, ids)]
    return found


def _filled(rule, ids):
    argument = ARGUMENT.search(rule)
    if argument is None:
        return [rule]
    converter, name = argument.groups()
    choices = CHOICE.fullmatch(converter or "")
    values = choices[1].replace("'", "").split(",") if choices else [ids.get(name, "started")]
    parts = (rule[: argument.start()] + str(value) + rule[argument.end() :] for value in values)
    return [path for part in parts for path in _filled(part, ids)]


def counts(app):
    tables = [table for table in Base.metadata.sorted_tables if table.name not in OF_SESSIONS]
    rows = [select(func.count()).select_from(table).scalar_subquery() for table in tables]
    # what was refused has entries of its own, and nothing else may have one
    changes = select(func.count(AuditEntry.id)).where(AuditEntry.action != "person.refused")
    rows.append(changes.scalar_subquery())
    with arranged(app) as db:
        return tuple(db.execute(select(*rows)).one())


def send(client, path, form):
    data = EVERYTHING | form | {"file": (BytesIO(picture()), "照片.jpg")}
    answer = client.post(path, data=data)
    return answer.status_code, answer.location, REQUEST_ID.sub("", answer.text)


on_sqlite = pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)


@pytest.mark.slow
@on_sqlite
def test_a_hidden_record_is_as_one_that_does_not_exist_and_stays_as_it_is(app):
    with arranged(app) as db:
        zone = Zone(db, Secrecy.RESTRICTED)
    clients = {username: sign_in(app, username) for username in OUTSIDERS}
    former, nobodys = counts(app), dict.fromkeys(zone.ids, NOBODYS)

    told = [
        (username, endpoint)
        for username, client in clients.items()
        for (endpoint, path), (_, nowhere) in zip(
            paths(app, zone.ids), paths(app, nobodys), strict=True
        )
        if send(client, path, zone.form) != send(client, nowhere, zone.form)
    ]

    assert told == []
    assert counts(app) == former


@on_sqlite
def test_whoever_is_signed_out_changes_nothing(app):
    with arranged(app) as db:
        zone = Zone(db, Secrecy.OPEN)
    former, client = counts(app), app.test_client()

    answers = {
        (endpoint.startswith("api"), send(client, path, zone.form)[0])
        for endpoint, path in paths(app, zone.ids)
    }

    assert answers == {(False, 302), (True, 401)}
    assert counts(app) == former


@on_sqlite
def test_whoever_sees_a_record_of_others_changes_nothing_of_it(app):
    with arranged(app) as db:
        zone = Zone(db, Secrecy.OPEN)
    changed = set()

    for username in ("recruiter", "supervisor"):
        changed |= changed_by(app, sign_in(app, username), zone)

    # whoever sees a project may offer help, owe a step themselves, propose, and see a number
    offered = {"leads.assist", "leads.follow_up", "proposals.create"}
    assert changed == offered | {"contacts.reveal"}  # which leaves an entry


def changed_by(app, client, zone):
    """The endpoints that changed something."""
    changed, former = set(), counts(app)
    for endpoint, path in paths(app, zone.ids):
        send(client, path, zone.form)
        if (latter := counts(app)) != former:
            changed.add(endpoint)
            former = latter
    return changed


@on_sqlite
def test_whoever_holds_it_may_do_most_of_that(app):
    """Else what is sent above would be refused for itself."""
    with arranged(app) as db:
        zone = Zone(db, Secrecy.OPEN)

    changed = changed_by(app, sign_in(app, "holder"), zone)

    assert changed > {
        *("claims.act", "claims.add_file", "companies.add_contact", "companies.change_contact"),
        *("followups.change", "followups.finish", "leads.change", "leads.correct", "leads.reach"),
        *("leads.withdraw", "leads.end_role", "leads.withdraw_site", "leads.add_file"),
        *("problems.act", "problems.add_file", "proposals.take", "receipts.add_file"),
        "receipts.withdraw",
    }
