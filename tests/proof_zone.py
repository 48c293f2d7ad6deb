"""The filled zone with a restricted lead, people of every role near to it and far, and a keeper.

Only the keeper is named on the lead; whatever is written of it bears a mark that nobody else may
ever be sent.
"""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from itertools import count
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from crm.base.mail import Site as MailSite
from crm.base.money import Currency
from crm.base.remembered import forget
from crm.files.kinds import FileKind
from crm.files.models import StoredFile
from crm.followups.models import FollowupFile
from crm.leads.catalog_models import LeadSite, Site
from crm.leads.models import AssistanceOffer, Contact, LeadFile, LeadRole, Milestone
from crm.leads.rules import Agreement, LeadRoleKind, Secrecy, Stage
from crm.leads.view_models import LeadView
from crm.mailing.channel_models import ChannelHost
from crm.mailing.channel_rules import ChannelKind
from crm.people.api_tokens import make_token
from crm.people.models import Delegation, LoginSession, Person, Unit
from crm.people.rules import Duty, Role, Scope
from crm.quotas.models import Correction, FigureRecord
from crm.results.models import Claim
from crm.results.receipt_forms import form_rows
from crm.results.receipt_models import Receipt
from crm.results.rules import ClaimKind, ClaimState
from crm.transactions import transaction
from tests.conftest import NOW
from tests.database_rows import Rows, Watched
from tests.databases import Kept
from tests.factories import (
    make_company,
    make_contact,
    make_followup,
    make_grant,
    make_lead,
    make_milestone,
    make_person,
    make_plan,
    make_problem,
    make_role,
    make_unit,
    make_visit,
    sign_in,
)
from tests.filled_zone import _correction, live
from tests.jobs.channels.work import make_channel

NEAR = {  # the lead's own bureau, or all of the zone
    "shen": Role.RECRUITER,
    "wu": Role.SUPERVISOR,
    "yan": Role.LEADER,
    "gu": Role.READER,
    "shan": Role.ADMIN,
    "heng": Role.AUDITOR,
}
FAR = {f"far_{role.value}": role for role in Role}  # another bureau
KEEPER = "keeper"
MARKS = {
    "title": "Heron-title-7Q",
    "company": "Heron-company-7Q",
    "contact": "Heron-contact-7Q",
    "number": "13977331188",
    "note": "Heron-note-7Q",
    "step": "Heron-step-7Q",
    "file": "Heron-file-7Q",
    "payer": "Heron-payer-7Q",
    "document": "Heron-document-7Q",
}
SUMMARY = re.compile("|".join(map(re.escape, MARKS.values())))
REACH = ("13866554433", "heron@example.com")  # of a contact of the open lead
_keys = count(1)


@dataclass
class ProofZone:
    """The zone in a SQLite database of its own, which is put back after each change."""

    database: Kept
    folder: Path
    own: dict[str, object] = field(default_factory=dict)  # ids of records that are open
    hidden: dict[str, object] = field(default_factory=dict)  # ids of the restricted lead's
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    tokens: dict[tuple[str, Scope | None], str] = field(default_factory=dict)
    watched: Watched | None = None

    def fill(self) -> None:
        app = self.database.fresh_app()
        sessions = self.database.sessions
        site = MailSite("https://crm.test", "crm@crm.test")
        self.own = live(sessions, site, self._arrange)
        self.clients = {who: sign_in(app, who) for who in (*NEAR, *FAR, KEEPER)}
        self.clients[""] = app.test_client()
        with transaction(sessions) as db:
            self._give_tokens(db)
            self._more_rows(db)
        self._copy(back=False)
        self.watched = Watched(sessions.kw["bind"])

    def restore(self) -> None:
        """Put back every row."""
        self._copy(back=True)
        forget()

    def state(self) -> Rows:
        return self.watched.rows()

    def send(self, who: str, method: str, path: str, **given: object) -> TestResponse:
        return self.clients[who].open(path, method=method, **given)

    def call(self, who: str, scope: Scope | None, method: str, path: str) -> TestResponse:
        """What a program with a token of that one scope is answered; with none it has no token."""
        headers = {"Idempotency-Key": f"proof-{next(_keys)}", "If-Match": "*"}
        if token := self.tokens.get((who, scope)):
            headers["Authorization"] = f"Bearer {token}"
        body = {} if method == "GET" else {"json": {}}
        return self.clients[""].open(f"/api/v1{path}", method=method, headers=headers, **body)

    def uncount(self) -> None:
        """Forget how often somebody asked: the clock of the tests stands still."""
        with transaction(self.database.sessions) as db:
            db.connection().exec_driver_sql("DELETE FROM rate_count")

    def _arrange(self, db) -> dict[str, object]:
        """The restricted lead, before the clock begins to run."""
        bureau = db.scalars(select(Unit).where(Unit.name == "招商局")).one()
        other = make_unit(db, "外局")
        keeper = make_person(db, KEEPER, unit=bureau)
        for username, role in FAR.items():
            duty = Duty.RECRUITER if role is Role.RECRUITER else Duty.STAFF
            make_person(db, username, role=role, unit=other, duty=duty)
        for kind in (ChannelKind.WECOM, ChannelKind.WEBHOOK):
            make_channel(db, "https://hook.example/" + kind.value, kind=kind, host="hook.example")
        self.hidden = _restricted_lead(db, bureau, keeper)
        return {}

    def _give_tokens(self, db) -> None:
        people = {person.username: person for person in db.scalars(select(Person))}
        for who in (*NEAR, *FAR, KEEPER):
            for scope in Scope:
                given = {"name": scope.value, "scopes": [scope], "days": 30, "now": NOW}
                self.tokens[who, scope] = make_token(db, person=people[who], **given)
        # used today, as otherwise a refused call would note so
        db.connection().exec_driver_sql(
            "UPDATE api_token SET used_at = (SELECT max(made_at) FROM api_token)"
        )

    def _more_rows(self, db) -> None:
        """A row for each argument of the addresses that the filled zone has none for."""
        shen, wu = (
            db.scalars(select(Person).where(Person.username == who)).one() for who in ("shen", "wu")
        )
        file_id, lead_id = db.scalar(select(StoredFile.id)), self.own["lead"]
        offer = LeadSite(
            lead_id=lead_id,
            site_id=db.scalar(select(Site.id)),
            offered_on=date(2026, 7, 1),
            entered_at=NOW,
        )
        attached = {"added_at": NOW, "added_by_id": shen.id, "file_id": file_id}
        lead_file = LeadFile(record_id=lead_id, name="方案.pdf", **attached)
        view = LeadView(owner_id=shen.id, name="我的", query="stage=signed", saved_at=NOW)
        grant = make_grant(db, shen, wu)
        later = {"from_on": date(2027, 1, 1), "to_on": date(2027, 1, 2), "reason": "休假"}
        delegation = Delegation(owner_id=wu.id, agent_id=shen.id, given_at=NOW, **later)
        db.add_all([offer, lead_file, view, delegation])
        _correction(db, db.scalar(select(FigureRecord.id)), shen)
        db.flush()
        session_id = db.scalar(select(LoginSession.id).where(LoginSession.person_id == shen.id))
        contact = db.get_one(Contact, self.own["contact"])
        contact.phone, contact.email = REACH
        self.own |= {
            "offer": offer.id,
            "attachment": lead_file.id,
            "view": view.id,
            "grant": grant.id,
            "delegation": delegation.id,
            "session": session_id,
            "milestone": _first(db, Milestone, lead_id=lead_id),
            "role": _first(db, LeadRole, lead_id=lead_id),
            "correction": _first(db, Correction),
            "host": _first(db, ChannelHost),
        }

    def _copy(self, *, back: bool) -> None:
        engine = self.database.sessions.kw["bind"]
        aside = self.folder / "proof.sqlite3"
        with closing(engine.raw_connection()) as own, closing(sqlite3.connect(aside)) as kept:
            source, to = (kept, own.driver_connection) if back else (own.driver_connection, kept)
            source.backup(to)


def _first(db, table, **of: object) -> int:
    return db.scalar(select(func.min(table.id)).filter_by(**of))


def marks_in(answer: TestResponse) -> set[str]:
    """The marks of the restricted lead in an answer, also in those of a workbook that it is."""
    return set(SUMMARY.findall(text_of(answer)))


def text_of(answer: TestResponse) -> str:
    if not answer.data.startswith(b"PK"):
        return answer.get_data(as_text=True) + str(answer.headers)
    try:
        with ZipFile(BytesIO(answer.data)) as workbook:
            return "".join(
                workbook.read(name).decode(errors="replace") for name in workbook.namelist()
            )
    except BadZipFile:
        return answer.get_data(as_text=True)


def _restricted_lead(db, unit, keeper) -> dict[str, object]:
    """A row of everything on it, overdue, so that mails are written of it."""
    company = make_company(db, MARKS["company"])
    lead = make_lead(
        db,
        MARKS["title"],
        unit=unit,
        tracker=keeper,
        secrecy=Secrecy.RESTRICTED,
        company=company,
        yi="12",
        note=MARKS["note"],
    )
    lead.stage = Stage.SIGNED
    signed = make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 6), agreement=Agreement.FORMAL)
    make_plan(db, lead, Stage.STARTED, date(2026, 7, 8))
    role = make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=keeper)
    step = make_followup(db, lead, keeper, date(2026, 7, 13), what=MARKS["step"])
    contact = make_contact(db, company, MARKS["contact"], lead=lead, phone=MARKS["number"])
    visit = make_visit(db, keeper, date(2026, 7, 2), leads=[lead])
    problem = make_problem(db, keeper, [lead], unit=unit, person=keeper)
    stored = StoredFile(sha256="0" * 64, kind=FileKind.PDF, size=10, created_at=NOW)
    db.add(stored)
    db.flush()
    of_file = {"file_id": stored.id, "added_at": NOW, "added_by_id": keeper.id}
    lead_file = LeadFile(record_id=lead.id, name=f"{MARKS['file']}.pdf", **of_file)
    step_file = FollowupFile(record_id=step.id, name=f"{MARKS['file']}.pdf", **of_file)
    offer = AssistanceOffer(
        lead_id=lead.id, unit_id=unit.id, offered_at=NOW, offered_by_id=keeper.id
    )
    db.add_all([lead_file, step_file, offer])
    db.flush()
    return {
        "lead": lead.id,
        "milestone": signed.id,
        "role": role.id,
        "followup": step.id,
        "company": company.id,
        "contact": contact.id,
        "visit": visit.id,
        "problem": problem.id,
        "attachment": lead_file.id,
        **_results(db, lead, unit, keeper),
    }


def _results(db, lead, unit, keeper) -> dict[str, object]:
    claimed = Claim(
        lead_id=lead.id,
        kind=ClaimKind.SIGNED,
        state=ClaimState.RETURNED,
        round=1,
        reached_on=date(2026, 7, 6),
        counts_on=date(2026, 7, 6),
        first_claimed_at=NOW,
        claimed_at=NOW,
        claimed_by_id=keeper.id,
        agreement=Agreement.FORMAL,
        document_number=MARKS["document"],
        document_issuer="管委会",
        document_on=date(2026, 7, 6),
        unit_id=unit.id,
    )
    receipt = Receipt(
        ref="R-heron",
        lead_id=lead.id,
        form_id=form_rows(db)[0].id,
        arrived_on=date(2026, 7, 10),
        amount=1000,
        currency=Currency.CNY,
        counted_amount=1000,
        payer=MARKS["payer"],
        entered_at=NOW,
        entered_by_id=keeper.id,
    )
    db.add_all([claimed, receipt])
    db.flush()
    return {"claim": claimed.id, "receipt": receipt.id}
