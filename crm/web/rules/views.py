"""Pages of the rules: list, new, change from a date on, end, withdraw, and backtest."""

from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.rules import Duty
from crm.quotas import rule_changes
from crm.quotas.models import RuleVersion
from crm.quotas.rule_versions import (
    as_rule,
    current_version,
    people_by_duty,
    version_to_change,
    versions,
)
from crm.quotas.rules import Rule
from crm.quotas.wording import AT_RISK_MEANS, beginning_of, full_day, sentence_of
from crm.web.auth import signed_in
from crm.web.errors import refusal_text, show_at_field
from crm.web.forms import row_id
from crm.web.rules.backtest import default_span, form_and_trial
from crm.web.rules.forms import (
    DEFAULTS,
    BacktestForm,
    ChangeRuleForm,
    EndForm,
    NewRuleForm,
    RuleFields,
    form_values,
)
from crm.web.rules.rows import RuleRow, rule_rows
from crm.web.transaction import moment, today, transaction

bp = Blueprint("rules", __name__)
RULE = "/admin/rules/<code>"
PREVIEW, BACKTEST = "preview", "backtest"


@value_class
class Preview:
    """What the draft will ask of whom, and from which period on."""

    sentence: str
    beginning: str
    people: int
    duty: Duty
    before: str  # the sentence of the version that it replaces; empty where there is none


@bp.get("/admin/rules")
def listing() -> ResponseReturnValue:
    return render_template(
        "rules/list.html",
        rules=rule_rows(db.session, versions(db.session), today()),
        at_risk_means=AT_RISK_MEANS,
    )


@bp.get("/admin/rules/new")
def new() -> ResponseReturnValue:
    # REGIME 4: a running period keeps its rules, so the next one is proposed
    first = Period.holding(DEFAULTS["period"], today()).after.first  # type: ignore[arg-type]
    return _new_page(NewRuleForm(_typed_args(), data=DEFAULTS | {"valid_from": first}))


@bp.post("/admin/rules/new")
def create() -> ResponseReturnValue:
    """Add the rule, or only preview it."""
    form = NewRuleForm()
    if backtest_page := _backtest_redirect(form):
        return backtest_page

    if form.validate():
        try:
            return _add_or_preview(form)
        except Refused as refusal:
            show_at_field(form, refusal)

    return _new_page(form), HTTPStatus.UNPROCESSABLE_ENTITY


def _add_or_preview(form: NewRuleForm) -> ResponseReturnValue:
    draft = form.draft(form.code.data or "", _valid_from(form))
    if request.form.get("do") == PREVIEW:
        checked = rule_changes.check_new(db.session, draft=draft, now=moment())
        return _new_page(form, _preview(checked, None))

    with transaction() as session:
        rule_changes.add_rule(session, draft=draft, by=signed_in(), now=moment())

    flash(f"已保存：{sentence_of(draft)}", "success")
    return redirect(url_for(".listing"))


@bp.get(RULE)
def edit(code: str) -> ResponseReturnValue:
    """One rule, and the form to change it from a date on."""
    return _edit_page(code, _change_form(code), EndForm())


@bp.post(RULE)
def change(code: str) -> ResponseReturnValue:
    """Change the rule from the date on, or only preview it."""
    _versions_or_404(code)
    form = ChangeRuleForm()
    if backtest_page := _backtest_redirect(form, code):
        return backtest_page

    if form.validate():
        try:
            return _change_or_preview(code, form)
        except Refused as refusal:
            show_at_field(form, refusal)

    return _edit_page(code, form, EndForm(formdata=None)), HTTPStatus.UNPROCESSABLE_ENTITY


def _change_or_preview(code: str, form: ChangeRuleForm) -> ResponseReturnValue:
    draft = form.draft(code, _valid_from(form))
    checked = rule_changes.check_change(db.session, draft=draft, now=moment())
    if request.form.get("do") == PREVIEW:
        return _edit_page(code, form, EndForm(formdata=None), checked)

    with transaction() as session:
        rule_changes.change_rule(session, draft=draft, by=signed_in(), now=moment())

    flash(f"已保存：{sentence_of(checked)}{beginning_of(checked)}", "success")
    return redirect(url_for(".listing"))


@bp.post(f"{RULE}/end")
def end(code: str) -> ResponseReturnValue:
    """End the rule on a date."""
    _versions_or_404(code)
    form = EndForm()

    if form.validate():
        last: date = form.last_on.data  # a valid form has it
        try:
            with transaction() as session:
                rule_changes.end_rule(
                    session, code=code, last_on=last, by=signed_in(), now=moment()
                )
        except Refused as refusal:
            show_at_field(form, refusal)
        else:
            flash(f"已保存：截止日期为{full_day(last)}，此前开始的周期仍按此考核。", "success")
            return redirect(url_for(".listing"))

    return _edit_page(code, _change_form(code), form), 422


@bp.post(f"{RULE}/withdraw")
def withdraw(code: str) -> ResponseReturnValue:
    """Withdraw a version that has judged nothing yet."""
    version_id = request.form.get("version", type=row_id)
    known = _versions_or_404(code)
    found = next((version for version in known if version.id == version_id), None) or abort(404)
    try:
        with transaction() as session:
            rule_changes.withdraw_version(session, version=found, by=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("规定已撤回，原规定继续有效。", "success")
    return redirect(url_for(".listing"))


@bp.get("/admin/rules/backtest")
def backtest() -> ResponseReturnValue:
    """The figures of past periods beside those by a draft."""
    rules = rule_rows(db.session, versions(db.session), today())
    form, trial = form_and_trial(db.session, rules[0].code if rules else "", moment())
    # an unknown code leads to the form of a new rule
    code = form.code.data if form.code.data in {rule.code for rule in rules} else None
    page = render_template(
        "rules/backtest.html",
        form=form,
        trial=trial,
        tabs=[_backtest_tab(rule, code) for rule in rules],
        edit_url=_edit_url(code),
    )

    return (page, HTTPStatus.UNPROCESSABLE_ENTITY) if form.errors else page


def _backtest_tab(rule: RuleRow, code: str | None) -> dict[str, object]:
    url = url_for(".backtest", code=rule.code)
    return {"url": url, "label": rule.name, "active": rule.code == code}


def _edit_url(code: str | None) -> str:
    """The form of that rule, or of a new one, filled in with what was tried."""
    names = {field.name for field in RuleFields(formdata=None)} & request.args.keys()
    typed: dict[str, Any] = {name: request.args.getlist(name) for name in names}
    return url_for(".edit", code=code, **typed) if code else url_for(".new", **typed)


def _typed_args() -> Any:
    """The values of a rule in the address, with which a trial leads back to the form."""
    return request.args if "minimum" in request.args else None


def _backtest_redirect(form: RuleFields, code: str = "") -> ResponseReturnValue | None:
    """The way to the backtest of what is typed, where its button was pressed."""
    if request.form.get("do") != BACKTEST:
        return None
    # the form may be invalid: the backtest page shows what is wrong
    kind = form.period.data if form.period.data in set(PeriodKind) else PeriodKind.MONTH
    first, last = default_span(kind, today())
    shared = set(BacktestForm(formdata=None)._fields) & set(form._fields) - {"code"}
    typed: dict[str, Any] = {name: request.form.getlist(name) for name in shared}
    return redirect(
        url_for(".backtest", **typed, code=code, first_on=str(first), last_on=str(last))
    )


def _valid_from(form: NewRuleForm | ChangeRuleForm) -> date:
    on: date = form.valid_from.data  # a valid form has it
    return on


def _versions_or_404(code: str) -> Sequence[RuleVersion]:
    return versions(db.session, code) or abort(404)


def _change_form(code: str) -> ChangeRuleForm:
    """The initial form: the rule as it will be, from the next period on."""
    known = _versions_or_404(code)
    current = current_version(known, today())
    # REGIME 4: a running period is judged whole by the version of its first date
    first = max(Period.holding(current.period, today()).after.first, current.valid_from)
    rule = as_rule(version_to_change(known, first, today()))
    return ChangeRuleForm(_typed_args(), data=form_values(rule) | {"valid_from": first})


def _new_page(form: NewRuleForm, preview: Preview | None = None) -> str:
    return render_template("rules/new.html", form=form, preview=preview)


def _edit_page(
    code: str, form: ChangeRuleForm, ending: EndForm, checked: Rule | None = None
) -> str:
    known = _versions_or_404(code)
    old = [version for version in known if checked and version.valid_from <= checked.valid_from]
    # all versions have one code, so they make one row
    (rule,) = rule_rows(db.session, known, today())
    return render_template(
        "rules/edit.html",
        form=form,
        ending=ending,
        rule=rule,
        preview=_preview(checked, as_rule(old[-1]) if old else None) if checked else None,
    )


def _preview(draft: Rule, old: Rule | None) -> Preview:
    people = people_by_duty(db.session, today()).get(draft.duty, 0)
    before = sentence_of(old) if old else ""
    return Preview(sentence_of(draft), beginning_of(draft), people, draft.duty, before)
