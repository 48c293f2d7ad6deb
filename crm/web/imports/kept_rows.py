"""Rows of an import that stayed when it was taken back: what each is, where, and why."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.imports.models import ImportMade
from crm.leads.models import Company, Contact, Lead
from crm.leads.redaction import lead_labels
from crm.people.models import Absence, Person, Posting, Unit
from crm.results.receipt_models import Receipt
from crm.visits.models import Visit
from crm.web.audit.labels import SUBJECTS
from crm.web.auth import my_view
from crm.web.errors import refusal_text
from crm.web.transaction import today

_NAMES = dict(SUBJECTS) | {
    "contact": "联系人",
    "claim": "认定申报",
    "lead_file": "佐证材料",
    "visit_lead": "拜访",
    "visit_company": "拜访",
    "visit_participant": "拜访",
    "problem_lead": "困难问题",
    "login_session": "登录记录",
    "lead_role": "线索分工",
}


@value_class
class KeptRow:
    """A row that stayed."""

    kind: str
    text: str
    url: str | None
    why: str


def kept_as_rows(db: Session, kept: Sequence[ImportMade]) -> list[KeptRow]:
    """In words, as far as the viewer may read them."""
    lead_ids = {made.subject_id for made in kept if made.subject == Lead.__tablename__}
    labels = lead_labels(db, my_view(), lead_ids, today())
    rows = []
    for made in kept:
        text, url = _named(db, made)
        if label := labels.get(made.subject_id) if made.subject == Lead.__tablename__ else None:
            text = label.text
            url = url_for("leads.show", lead_id=label.id) if label.id else None
        rows.append(KeptRow(_NAMES[made.subject], text, url, _why(made)))
    return rows


def _why(made: ImportMade) -> str:
    code, facts = json.loads(made.kept_why or "[]")
    if code == "not_undoable":
        code = "import_row_touched"
    if "what" in facts:
        facts["what"] = _NAMES.get(facts["what"], "其他记录")
    return refusal_text(Refused(code, None, **facts))


def _named(db: Session, made: ImportMade) -> tuple[str, str | None]:
    """What tells the record from others, and its page."""
    row: Any = db.get(_TABLES[made.subject], made.subject_id)
    if row is None:
        return f"#{made.subject_id}", None
    if isinstance(row, Posting | Absence):
        person = db.get_one(Person, row.person_id)
        text = f"{person.name} {row.from_on:%Y-%m-%d} 起"
        return text, url_for("people.show", username=person.username)
    return _TEXTS[type(row)](row)


_TEXTS: Mapping[type[Any], Callable[[Any], tuple[str, str | None]]] = {
    Visit: lambda row: (
        f"{row.first_on:%Y-%m-%d} {row.city} {row.ref}",
        url_for("visits.show", visit_id=row.id),
    ),
    Lead: lambda row: (row.ref, None),  # named by its label
    Company: lambda row: (row.name, url_for("companies.show", company_id=row.id)),
    Contact: lambda row: (row.name, url_for("companies.show", company_id=row.company_id)),
    Followup: lambda row: (
        f"{row.ref} {row.what}",
        url_for("followups.show", followup_id=row.id),
    ),
    Receipt: lambda row: (row.ref, url_for("receipts.show", receipt_id=row.id)),
    Person: lambda row: (
        f"{row.name}（{row.username}）",
        url_for("people.show", username=row.username),
    ),
    Unit: lambda row: (f"{row.name}（{row.code}）", url_for("units.edit", unit_id=row.id)),
}
_TABLES = {
    table.__tablename__: table
    for table in (Visit, Lead, Company, Contact, Followup, Receipt, Person, Posting, Absence, Unit)
}
