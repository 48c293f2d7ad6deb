"""Pages of the rules: each in words, changed from a date on, tried over the past before that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
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
from crm.web.rules import backtest as web_backtest
from crm.web.rules.forms import (
    USUAL,
    BacktestForm,
    ChangeRuleForm,
    EndForm,
    NewRuleForm,
    RuleFields,
    as_typed,
)
from crm.web.rules.rows import lines
from crm.web.transaction import moment, today, transaction

bp = Blueprint("rules", __name__)
ONE = "/admin/rules/<code>"
PREVIEW, BACKTEST = "preview", "backtest"


@dataclass(frozen=True, slots=True)
class Preview:
    """What the draft will ask of whom, and from when on."""

    sentence: str
    beginning: str
    people: int
    duty: Duty
    before: str  # what the version says that it takes over from; empty where there is none


@bp.get("/admin/rules")
def listing() -> ResponseReturnValue:
    """Every rule that is or was."""
    return render_template(
        "rules/list.html",
        rules=lines(db.session, versions(db.session), today()),
        at_risk_means=AT_RISK_MEANS,
    )


@bp.get("/admin/rules/new")
def new() -> ResponseReturnValue:
    """The form of a rule that is not there yet."""
    first = Period.holding(USUAL["period"], today()).after.first  # type: ignore[arg-type]
    return _new_page(NewRuleForm(_typed(), data=USUAL | {"valid_from": first}))


@bp.post("/admin/rules/new")
def create() -> ResponseReturnValue:
    """Add the rule, or only say what it would ask of whom."""
    form = NewRuleForm()
    if wanted := _wants_backtest(form):
        return wanted

    if form.validate():
        draft = form.drafted(form.code.data or "", _from(form))
        try:
            if request.form.get("do") == PREVIEW:
                checked = rule_changes.check_new(db.session, draft=draft, now=moment())
                return _new_page(form, _preview(checked, None))
            with transaction() as rows:
                rule_changes.add_rule(rows, draft=draft, by=signed_in(), now=moment())
        except Refused as refusal:
            show_at_field(form, refusal)
        else:
            flash(f"已保存：{sentence_of(draft)}", "success")
            return redirect(url_for(".listing"))

    return _new_page(form), 422


@bp.get(ONE)
def edit(code: str) -> ResponseReturnValue:
    """One rule, and the form to change it from a date on."""
    return _edit_page(code, _begun(code), EndForm())


@bp.post(ONE)
def change(code: str) -> ResponseReturnValue:
    """Change the rule from the date on, or only say what it would ask of whom."""
    _known(code)
    form = ChangeRuleForm()
    if wanted := _wants_backtest(form, code):
        return wanted

    if form.validate():
        draft = form.drafted(code, _from(form))
        try:
            checked = rule_changes.check_change(db.session, draft=draft, now=moment())
            if request.form.get("do") == PREVIEW:
                return _edit_page(code, form, EndForm(formdata=None), checked)
            with transaction() as rows:
                rule_changes.change_rule(rows, draft=draft, by=signed_in(), now=moment())
        except Refused as refusal:
            show_at_field(form, refusal)
        else:
            flash(f"已保存：{sentence_of(checked)}{beginning_of(checked)}", "success")
            return redirect(url_for(".listing"))

    return _edit_page(code, form, EndForm(formdata=None)), 422


@bp.post(f"{ONE}/end")
def end(code: str) -> ResponseReturnValue:
    """Let the rule hold until a date and no longer."""
    _known(code)
    form = EndForm()

    if form.validate():
        last: date = form.last_on.data  # type: ignore[assignment] # a valid form has it
        try:
            with transaction() as rows:
                rule_changes.end_rule(rows, code=code, last_on=last, by=signed_in(), now=moment())
        except Refused as refusal:
            show_at_field(form, refusal)
        else:
            flash(f"已保存：用到{full_day(last)}为止，此前开始的周期仍按此考核。", "success")
            return redirect(url_for(".listing"))

    return _edit_page(code, _begun(code), form), 422


@bp.post(f"{ONE}/withdraw")
def withdraw(code: str) -> ResponseReturnValue:
    """Take back a version that has judged nothing yet."""
    version_id = request.form.get("version", type=row_id)
    found = next((each for each in _known(code) if each.id == version_id), None) or abort(404)
    try:
        with transaction() as rows:
            rule_changes.withdraw_version(rows, version=found, by=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已撤回，之前的规定继续有效。", "success")
    return redirect(url_for(".listing"))


@bp.get("/admin/rules/backtest")
def backtest() -> ResponseReturnValue:
    """What a draft would have said of past periods, beside what was said."""
    rules = lines(db.session, versions(db.session), today())
    form, trial = web_backtest.asked(db.session, rules[0].code if rules else "", moment())
    tabs = [
        {
            "url": url_for(".backtest", code=rule.code),
            "label": rule.name,
            "active": rule.code == form.code.data,
        }
        for rule in rules
    ]
    page = render_template(
        "rules/backtest.html",
        form=form,
        trial=trial,
        tabs=tabs,
        use=_use(form.code.data if any(tab["active"] for tab in tabs) else None),
    )

    return (page, 422) if form.errors else page


def _use(code: str | None) -> str:
    """The form of that rule, or of a new one, with what was tried."""
    names = {each.name for each in RuleFields(formdata=None)} & request.args.keys()
    typed: dict[str, Any] = {name: request.args.getlist(name) for name in names}
    return url_for(".edit", code=code, **typed) if code else url_for(".new", **typed)


def _typed() -> Any:
    """What of a rule the address says, where it says any: a trial leads back with it."""
    return request.args if "minimum" in request.args else None


def _wants_backtest(form: RuleFields, code: str = "") -> ResponseReturnValue | None:
    """The page that tries what is typed over the past, where its button was pressed."""
    if request.form.get("do") != BACKTEST:
        return None
    kind = form.period.data if form.period.data in set(PeriodKind) else PeriodKind.MONTH
    first, last = web_backtest.usual_span(kind, today())
    shared = set(BacktestForm(formdata=None)._fields) & set(form._fields) - {"code"}
    typed: dict[str, Any] = {name: request.form.getlist(name) for name in shared}
    return redirect(
        url_for(".backtest", **typed, code=code, first_on=str(first), last_on=str(last))
    )


def _from(form: NewRuleForm | ChangeRuleForm) -> date:
    on: date = form.valid_from.data  # type: ignore[assignment] # a valid form has it
    return on


def _known(code: str) -> Sequence[RuleVersion]:
    """The versions of that rule; without any there is no such page."""
    return versions(db.session, code) or abort(404)


def _begun(code: str) -> ChangeRuleForm:
    """The form as it begins: the rule as it will be, from the next period on."""
    known = _known(code)
    now = current_version(known, today())
    first = max(Period.holding(now.period, today()).after.first, now.valid_from)
    rule = as_rule(version_to_change(known, first, today()))
    return ChangeRuleForm(_typed(), data=as_typed(rule) | {"valid_from": first})


def _new_page(form: NewRuleForm, preview: Preview | None = None) -> str:
    return render_template("rules/new.html", form=form, preview=preview)


def _edit_page(
    code: str, form: ChangeRuleForm, ending: EndForm, checked: Rule | None = None
) -> str:
    known = _known(code)
    old = [each for each in known if checked and each.valid_from <= checked.valid_from]
    (rule,) = lines(db.session, known, today())
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
