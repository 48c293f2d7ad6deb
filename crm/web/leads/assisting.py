"""Offering to assist with a lead that is followed up already."""

from http import HTTPStatus

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.leads.assistance import offer_assistance
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.leads.detail import lead_or_404
from crm.web.site import site
from crm.web.transaction import moment, transaction


def ask_to_assist(lead_id: int) -> ResponseReturnValue:
    """What an offer does, before it is made."""
    return render_template("leads/assist.html", lead=lead_or_404(lead_id), problem="")


def assist(lead_id: int) -> ResponseReturnValue:
    """Offer my unit as assisting one."""
    lead = lead_or_404(lead_id)

    try:
        with transaction() as session:
            offer_assistance(session, lead=lead, by=signed_in(), now=moment(), site=site())
    except Refused as refusal:
        page = render_template(
            "leads/assist.html", lead=lead_or_404(lead_id), problem=refusal_text(refusal)
        )
        return page, HTTPStatus.UNPROCESSABLE_ENTITY

    flash("协办申请已发出。", "success")
    return redirect(url_for("leads.show", lead_id=lead_id))
