"""Pages of a change of many leads: what each is to get, a preview, then one touch (PROJECTS 2)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.bulk_changes.models import BulkChange
from crm.bulk_changes.queries import matching_ids, selected_leads
from crm.bulk_changes.rules import MOST_LEADS, BulkKind
from crm.bulk_changes.service import (
    Outcome,
    change_each,
    change_leads,
    hold_leads,
    made_under,
    undo_change,
)
from crm.extensions import db
from crm.leads.lists import ListedLead
from crm.leads.models import Lead
from crm.web.auth import my_view, signed_in
from crm.web.bulk_changes.forms import FORMS, BulkForm, new_form
from crm.web.bulk_changes.rows import NOW, THEN, rows_now, rows_then
from crm.web.errors import refusal_text
from crm.web.forms import LARGEST_ID, back_to, query_arguments, row_id, show_refusal
from crm.web.leads.listing import list_filters
from crm.web.site import site
from crm.web.transaction import moment, today, transaction, trial
from crm.web.unseen_changes import SHOWN, changed_rows, position_shown

bp = Blueprint("bulk_changes", __name__)
STEPS = ("choose", "preview", "apply")
KEY = "key"  # the field of the form that makes it one change, however often it is sent
LEAD = "lead"  # the field that names a lead
NAMED_BY_SERVICE = {"holder": "person_id", "kind": "stage"}


@bp.post("/leads/bulk")
def choose() -> ResponseReturnValue:
    """The selected leads, and the form of what each is to get."""
    kind = _kind()
    lead_ids = _selected()
    if not lead_ids:
        flash("请先选择线索。", "warning")
        return redirect(_list_url(select=1))
    if len(lead_ids) > MOST_LEADS:
        flash(f"一次最多修改 {MOST_LEADS} 条线索，请缩小筛选范围后再选。", "warning")
        return redirect(_list_url(select=1))

    # back from the preview the form has its values
    form = FORMS[kind]() if "again" in request.form else new_form(kind, today())
    return _choosing(form, _leads(lead_ids))


@bp.post("/leads/bulk/preview")
def preview() -> ResponseReturnValue:
    """What would become of each lead; nothing of it is kept."""
    shown, form, leads = position_shown(), FORMS[_kind()](), _leads(_sent_ids())
    if not leads:
        return redirect(_list_url())
    if not form.validate():
        return _choosing(form, leads), HTTPStatus.UNPROCESSABLE_ENTITY
    return _previewed(form, leads, shown)


@bp.post("/leads/bulk/apply")
def apply() -> ResponseReturnValue:
    """Change all the leads or none."""
    form, lead_ids = FORMS[_kind()](), _sent_ids()
    if not form.validate():
        return _choosing(form, _leads(lead_ids)), HTTPStatus.UNPROCESSABLE_ENTITY

    try:
        with transaction() as session:
            _change(session, form, lead_ids)
    except Refused as refusal:
        problem = refusal_text(refusal)
    else:
        return redirect(_list_url())  # where it may be taken back

    # shown anew, as everything is by now
    shown, leads = position_shown(), _leads(lead_ids)
    if not leads:
        flash(problem, "danger")
        return redirect(_list_url())
    return _previewed(form, leads, shown, problem)


@bp.post(f"/leads/bulk/<int(max={LARGEST_ID}):bulk_id>/undo")
def undo(bulk_id: int) -> ResponseReturnValue:
    """Make all the leads what they were before."""
    me = signed_in()
    bulk = db.session.get(BulkChange, bulk_id)
    if bulk is None or bulk.made_by_id != me.id:
        abort(404)

    try:
        with transaction() as session:
            undo_change(session, bulk=bulk, by=me, now=moment(), site=site())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash(f"已撤销，{bulk.count} 条线索恢复原状。", "success")
    return redirect(back_to(url_for("leads.listing")))


def _change(session: Session, form: BulkForm, lead_ids: Sequence[int]) -> BulkChange:
    me, key = signed_in(), _key()
    # of two at once the second waits here, and then sees what the first did
    hold_leads(session, lead_ids)
    if made_under(session, key, me) is None:
        _require_as_shown(lead_ids)
    return change_leads(
        session,
        lead_ids=lead_ids,
        asked=form.asked(),
        key=key,
        by=me,
        now=moment(),
        site=site(),
    )


def _require_as_shown(lead_ids: Sequence[int]) -> None:
    """Refuse where a lead was changed since the preview, naming those that I may see."""
    changed = changed_rows(Lead, lead_ids)
    seen = {lead.id: lead for lead in _leads(lead_ids)}
    if named := [seen[lead_id].title for lead_id in lead_ids if lead_id in changed & seen.keys()]:
        raise Refused("rows_changed", leads="、".join(named))
    if len(seen) < len(lead_ids):
        raise Refused("rows_gone", count=len(lead_ids) - len(seen))


def _previewed(
    form: BulkForm, leads: Sequence[ListedLead], shown: int, problem: str = ""
) -> ResponseReturnValue:
    asked, lead_ids = form.asked(), [lead.id for lead in leads]
    # carried out and rolled back, so that the preview cannot differ from the result
    with trial() as session:
        outcomes = change_each(
            session, lead_ids=lead_ids, asked=asked, by=signed_in(), now=moment()
        )
    if refusal := _common_refusal(form, outcomes):
        show_refusal(form, refusal, NAMED_BY_SERVICE)
        return _choosing(form, leads), HTTPStatus.UNPROCESSABLE_ENTITY

    rows = rows_then(db.session, asked, leads, outcomes, today())
    page = render_template(
        "bulk_changes/preview.html",
        kind=form.kind,
        words=form.in_words(db.session, today()),
        rows=rows,
        refused=[row for row in rows if row.refusal],
        changed=[row for row in rows if not row.refusal and not row.is_unchanged],
        heads=_heads(form.kind),
        sent=[*_values(form), (SHOWN, shown), (KEY, uuid4())],
        urls={step: _url(step) for step in STEPS},
        problem=problem,
        back=_list_url(),
    )
    return page, HTTPStatus.CONFLICT if problem else HTTPStatus.OK


def _common_refusal(form: BulkForm, outcomes: Sequence[Outcome]) -> Refused | None:
    """The refusal of all rows about one value of the form, which stands at its field."""
    refusals = {(o.refusal.code, o.refusal.field) if o.refusal else None for o in outcomes}
    first = outcomes[0].refusal
    if len(refusals) > 1 or first is None or first.field is None:
        return None
    return first if NAMED_BY_SERVICE.get(first.field, first.field) in form._fields else None


def _choosing(form: BulkForm, leads: Sequence[ListedLead]) -> str:
    form.set_choices(db.session, my_view(), today())
    return render_template(
        "bulk_changes/choose.html",
        kind=form.kind,
        form=form,
        rows=rows_now(db.session, form.kind, leads, today()),
        heads=_heads(form.kind),
        preview_url=_url("preview"),
        back=_list_url(),
    )


def _heads(kind: BulkKind) -> tuple[str, str]:
    return NOW.get(kind, "现在"), THEN.get(kind, "改为")


def _key() -> str:
    """The key of the preview; a new one where the form has none that a preview gives."""
    try:
        return str(UUID(request.form.get(KEY, "")))
    except ValueError:
        return str(uuid4())


def _kind() -> BulkKind:
    try:
        return BulkKind(request.form.get("kind", ""))
    except ValueError:
        abort(400)


def _selected() -> list[int]:
    """The leads that were ticked, or all of the list's filter."""
    if "all" in request.form:
        return matching_ids(db.session, my_view(), today(), list_filters().by)
    return _sent_ids()


def _sent_ids() -> list[int]:
    ids = list(dict.fromkeys(request.form.getlist(LEAD, type=row_id)))
    return ids[: MOST_LEADS + 1]


def _leads(lead_ids: Sequence[int]) -> list[ListedLead]:
    return selected_leads(db.session, my_view(), lead_ids, today())


def _values(form: BulkForm) -> list[tuple[str, str]]:
    """What was sent for the fields of the form, to be sent again."""
    names = {"kind", *form._fields} - {"csrf_token"}
    return [item for item in request.form.items(multi=True) if item[0] in names]


def _url(step: str) -> str:
    """The address of a step, which keeps the filters of the list."""
    filters: dict[str, Any] = {**query_arguments()}
    return url_for(f".{step}", **filters)


def _list_url(**changes: Any) -> str:
    values: dict[str, Any] = {**query_arguments(), "select": None, **changes}
    return url_for("leads.listing", **values)
