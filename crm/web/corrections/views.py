"""What may be done to a correction: sign it, or give its reason (REGIME 4)."""

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.quotas import service
from crm.quotas.frozen import corrections, seen_corrections
from crm.quotas.models import Correction
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import back_to, cleaned
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.transaction import moment, transaction


def sign(correction_id: int) -> ResponseReturnValue:
    me, back = signed_in(), back_to(url_for("compliance.board", tab="corrections"))
    seen = seen_corrections(my_figure_scope())
    found = corrections(db.session, Correction.id == correction_id, seen) or abort(404)

    try:
        with transaction() as rows:
            service.sign_correction(rows, correction=found[0].correction, by=me, now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已签认。", "success")

    return redirect(back)


def give_reason(correction_id: int) -> ResponseReturnValue:
    """Say why I made the edit that the correction came from."""
    me, back = signed_in(), back_to(url_for("compliance.board"))
    mine = Correction.made_by_id == me.id
    found = corrections(db.session, Correction.id == correction_id, mine) or abort(404)
    why = cleaned(request.form.get("why")) or ""

    try:
        with transaction() as rows:
            service.explain_correction(
                rows, correction=found[0].correction, why=why, by=me, now=moment()
            )
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已保存。", "success")

    return redirect(back)
