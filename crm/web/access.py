"""The access table: which roles may reach which page, checked before every request."""

from collections.abc import Mapping

from flask import Flask, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.db import begin_to_write
from crm.base.locks import take_exclusive_lock
from crm.extensions import db
from crm.people.rules import JUDGING, OF_BOARDS, OVERSEEING, WITH_RECORDS, Role
from crm.web.auth import me, redirect_to_login
from crm.web.transaction import CHANGING, forget_reads, is_outdated, note_reads, undo

PUBLIC = frozenset(
    {
        "static",
        "auth.login",
        "auth.sign_in",
        "health.lives",
        "health.is_ready",
        # nothing of anybody: the device shows there what it keeps
        "offline.worker",
        "offline.no_page",
        "offline.queue",
        # the link in a mail; its token names one person and one kind of mail
        "my_settings.unsubscribe",
        "my_settings.stop",
        # programs that read a calendar cannot sign in; its token names one person
        "visit_calendar.feed",
    }
)
ANYONE = frozenset(Role)
ADMINS = frozenset({Role.ADMIN})
LEADERS = frozenset({Role.LEADER})
SUPERVISORS = frozenset({Role.SUPERVISOR})

ACCESS: Mapping[str, frozenset[Role]] = {
    "auth.sign_out": ANYONE,
    "me.show": ANYONE,
    "me.change": ANYONE,
    "me.set_password": ANYONE,
    "me.sign_out_elsewhere": ANYONE,
    "me.make_feed": WITH_RECORDS,
    "me.end_feed": WITH_RECORDS,
    "repeats.form_token": ANYONE,
    "myday.show": ANYONE,
    # readers enter no visits, but others may enter theirs
    "entry_grants.new_mine": ANYONE,
    "entry_grants.grant_mine": ANYONE,
    "entry_grants.end_mine": ANYONE,
    "choices.people": ANYONE,  # readers name colleagues, too
    "choices.date": ANYONE,
    # records
    "search.show": WITH_RECORDS,
    "search.found": WITH_RECORDS,
    "choices.leads": WITH_RECORDS,
    "choices.companies": WITH_RECORDS,
    "offline.day": WITH_RECORDS,
    "offline.visit": WITH_RECORDS,
    "offline.names": WITH_RECORDS,
    "visits.listing": WITH_RECORDS,
    "visits.sums": WITH_RECORDS,
    "visits.export": WITH_RECORDS,
    "tables.start": WITH_RECORDS,
    "tables.upload": WITH_RECORDS,
    "tables.show": WITH_RECORDS,
    "tables.choose_sheet": WITH_RECORDS,
    "tables.choose_columns": WITH_RECORDS,
    "tables.choose_people": WITH_RECORDS,
    "tables.apply": WITH_RECORDS,
    "tables.refused": WITH_RECORDS,
    "tables.change": WITH_RECORDS,
    "tables.discard": WITH_RECORDS,
    "tables.undo": WITH_RECORDS,
    "visits.new": WITH_RECORDS,
    "visits.create": WITH_RECORDS,
    "visits.quick": WITH_RECORDS,
    "visits.show": WITH_RECORDS,
    "visits.edit": WITH_RECORDS,
    "visits.change": WITH_RECORDS,
    "visits.files": WITH_RECORDS,
    "visits.add_file": WITH_RECORDS,
    "visits.file": WITH_RECORDS,
    "visits.done": WITH_RECORDS,
    "visits.move": WITH_RECORDS,
    "visits.cancel": WITH_RECORDS,
    "visits.restore": WITH_RECORDS,
    "visits.undo": WITH_RECORDS,
    "visits.leave": WITH_RECORDS,
    "visits.confirm": WITH_RECORDS,
    "visits.reject": WITH_RECORDS,
    "trips.listing": WITH_RECORDS,
    "trips.show": WITH_RECORDS,
    "trips.edit": WITH_RECORDS,
    "trips.change": WITH_RECORDS,
    "visit_calendar.show": WITH_RECORDS,
    "planner.show": WITH_RECORDS,
    "planner.apply": WITH_RECORDS,
    "followups.listing": WITH_RECORDS,
    "followups.export": WITH_RECORDS,
    "followups.new": WITH_RECORDS,
    "followups.create": WITH_RECORDS,
    "followups.show": WITH_RECORDS,
    "followups.files": WITH_RECORDS,
    "followups.add_file": WITH_RECORDS,
    "followups.file": WITH_RECORDS,
    "followups.hand_over": WITH_RECORDS,
    "followups.finish": WITH_RECORDS,
    "followups.snooze": WITH_RECORDS,
    "followups.reopen": WITH_RECORDS,
    "followups.change": WITH_RECORDS,
    "companies.listing": WITH_RECORDS,
    "companies.export": WITH_RECORDS,
    "companies.show": WITH_RECORDS,
    "companies.edit": WITH_RECORDS,
    "companies.change": WITH_RECORDS,
    "companies.new_contact": WITH_RECORDS,
    "companies.add_contact": WITH_RECORDS,
    "companies.edit_contact": WITH_RECORDS,
    "companies.change_contact": WITH_RECORDS,
    "proposals.new": WITH_RECORDS,
    "proposals.create": WITH_RECORDS,
    "proposals.show": WITH_RECORDS,
    "proposals.take": WITH_RECORDS,
    "proposals.decline": WITH_RECORDS,
    # whose scope holds both records, and officers: decided in the queries
    "merges.choose": SUPERVISORS,
    "merges.compare": SUPERVISORS,
    "merges.apply": SUPERVISORS,
    "merges.show": SUPERVISORS,
    "merges.take_back": SUPERVISORS,
    "leads.listing": WITH_RECORDS,
    "bulk_changes.choose": WITH_RECORDS,
    "bulk_changes.preview": WITH_RECORDS,
    "bulk_changes.apply": WITH_RECORDS,
    "bulk_changes.undo": WITH_RECORDS,
    "leads.board": WITH_RECORDS,
    "leads.cards": WITH_RECORDS,
    "leads.choose": WITH_RECORDS,
    "leads.move": WITH_RECORDS,
    "leads.export": WITH_RECORDS,
    "leads.views": WITH_RECORDS,
    "leads.save_view": WITH_RECORDS,
    "leads.remove_view": WITH_RECORDS,
    "leads.ask_to_assist": WITH_RECORDS,
    "leads.assist": WITH_RECORDS,
    "leads.check": WITH_RECORDS,
    "leads.new": WITH_RECORDS,
    "leads.create": WITH_RECORDS,
    "leads.show": WITH_RECORDS,
    "leads.edit": WITH_RECORDS,
    "leads.change": WITH_RECORDS,
    "leads.files": WITH_RECORDS,
    "leads.add_file": WITH_RECORDS,
    "leads.file": WITH_RECORDS,
    "leads.reach": WITH_RECORDS,
    "leads.follow_up": WITH_RECORDS,
    "leads.plan": WITH_RECORDS,
    "leads.revise": WITH_RECORDS,
    "leads.preview_plans": WITH_RECORDS,
    "leads.plan_all": WITH_RECORDS,
    "leads.offer_site": WITH_RECORDS,
    "leads.withdraw_site": WITH_RECORDS,
    "leads.give_role": WITH_RECORDS,
    "leads.end_role": WITH_RECORDS,
    "leads.correct": WITH_RECORDS,
    "leads.withdraw": WITH_RECORDS,
    "absences.listing": WITH_RECORDS,
    "absences.new": WITH_RECORDS,
    "absences.create": WITH_RECORDS,
    "absences.show": WITH_RECORDS,
    "absences.withdraw": WITH_RECORDS,
    "absences.approve": JUDGING,
    "absences.return_request": JUDGING,
    "absences.shorten": JUDGING,
    "absences.cancel": JUDGING,
    # admins for everyone, supervisors for the people whose absences they decide
    "reassignment.show": JUDGING,
    "reassignment.change": JUDGING,
    # own figures for everyone; unit figures are scoped in the queries
    "compliance.board": ANYONE,
    "compliance.figure": ANYONE,
    "compliance.sign": JUDGING,
    "compliance.give_reason": WITH_RECORDS,
    "problems.listing": WITH_RECORDS,
    "problems.export": WITH_RECORDS,
    "problems.figures": WITH_RECORDS,
    "problems.new": WITH_RECORDS,
    "problems.create": WITH_RECORDS,
    "problems.show": WITH_RECORDS,
    "problems.act": WITH_RECORDS,
    "problems.files": WITH_RECORDS,
    "problems.add_file": WITH_RECORDS,
    "problems.file": WITH_RECORDS,
    "receipts.listing": WITH_RECORDS,
    "receipts.export": WITH_RECORDS,
    "receipts.show": WITH_RECORDS,
    "receipts.new": WITH_RECORDS,
    "receipts.create": WITH_RECORDS,
    "receipts.edit": WITH_RECORDS,
    "receipts.change": WITH_RECORDS,
    "receipts.new_reversal": WITH_RECORDS,
    "receipts.reverse": WITH_RECORDS,
    "receipts.withdraw": WITH_RECORDS,
    "receipts.claim_form": WITH_RECORDS,
    "receipts.claim": WITH_RECORDS,
    "receipts.files": WITH_RECORDS,
    "receipts.add_file": WITH_RECORDS,
    "receipts.file": WITH_RECORDS,
    "claims.listing": WITH_RECORDS,
    "claims.export": WITH_RECORDS,
    "claims.show": WITH_RECORDS,
    "claims.new": WITH_RECORDS,
    "claims.create": WITH_RECORDS,
    "claims.edit": WITH_RECORDS,
    "claims.claim_again": WITH_RECORDS,
    "claims.act": WITH_RECORDS,
    "claims.recognise_all": WITH_RECORDS,
    "claims.files": WITH_RECORDS,
    "claims.add_file": WITH_RECORDS,
    "claims.file": WITH_RECORDS,
    "supervision.listing": WITH_RECORDS,
    "supervision.export": WITH_RECORDS,
    "supervision.show": WITH_RECORDS,
    "supervision.files": WITH_RECORDS,
    "supervision.add_file": WITH_RECORDS,
    "supervision.file": WITH_RECORDS,
    "supervision.paper": WITH_RECORDS,
    "supervision.act": WITH_RECORDS,
    "supervision.edit": WITH_RECORDS,
    "supervision.change": WITH_RECORDS,
    "supervision.new": OVERSEEING,
    "supervision.create": OVERSEEING,
    "targets.board": OF_BOARDS,
    "targets.export": OF_BOARDS,
    "targets.show": OVERSEEING,
    "digests.listing": ANYONE,
    "digests.show": ANYONE,
    "my_settings.show": ANYONE,
    "my_settings.save": ANYONE,
    "digests.comment": LEADERS,
    "digests.save": LEADERS,
    "mailbox.listing": ANYONE,
    "mailbox.show": ANYONE,
    "mailbox.body": ANYONE,
    "admin.show": ADMINS,
    "audit.listing": ADMINS,
    "people.listing": ADMINS,
    "people.new": ADMINS,
    "people.create": ADMINS,
    "people.show": ADMINS,
    "entry_grants.new": ADMINS,
    "entry_grants.grant": ADMINS,
    "entry_grants.end": ADMINS,
    "people.edit": ADMINS,
    "people.change": ADMINS,
    "people.give_password": ADMINS,
    "people.disable": ADMINS,
    "people.enable": ADMINS,
    "people.sign_out": ADMINS,
    "people.new_posting": ADMINS,
    "people.add_posting": ADMINS,
    "people.edit_posting": ADMINS,
    "people.change_posting": ADMINS,
    "people.remove_posting": ADMINS,
    "people.new_transfer": ADMINS,
    "people.transfer": ADMINS,
    "people.new_leaving": ADMINS,
    "people.leave": ADMINS,
    "units.listing": ADMINS,
    "units.new": ADMINS,
    "units.create": ADMINS,
    "units.edit": ADMINS,
    "units.change": ADMINS,
    "calendar.this_year": ADMINS,
    "calendar.show": ADMINS,
    "calendar.change": ADMINS,
    "calendar.take_back": ADMINS,
    "calendar.new_import": ADMINS,
    "calendar.template": ADMINS,
    "calendar.preview": ADMINS,
    "calendar.apply": ADMINS,
    "catalog.listing": ADMINS,
    "catalog.new": ADMINS,
    "catalog.create": ADMINS,
    "catalog.edit": ADMINS,
    "catalog.change": ADMINS,
    "sites.listing": ADMINS,
    "sites.new": ADMINS,
    "sites.create": ADMINS,
    "sites.edit": ADMINS,
    "sites.change": ADMINS,
    "imports.start": ADMINS,
    "imports.show": ADMINS,
    "imports.template": ADMINS,
    "imports.export": ADMINS,
    "imports.preview": ADMINS,
    "imports.apply": ADMINS,
    "imports.problems": ADMINS,
    "people_imports.show": ADMINS,
    "people_imports.template": ADMINS,
    "people_imports.export": ADMINS,
    "people_imports.preview": ADMINS,
    "people_imports.apply": ADMINS,
    "people_imports.problems": ADMINS,
    "receipt_imports.show": WITH_RECORDS,
    "receipt_imports.template": WITH_RECORDS,
    "receipt_imports.export": WITH_RECORDS,
    "receipt_imports.preview": WITH_RECORDS,
    "receipt_imports.apply": WITH_RECORDS,
    "receipt_imports.problems": WITH_RECORDS,
    "rates.listing": ADMINS,
    "rates.enter": ADMINS,
    "rates.template": ADMINS,
    "rates.import_file": ADMINS,
    "jobs.listing": ADMINS,
    "jobs.show": ADMINS,
    "jobs.preview": ADMINS,
    "jobs.run_now": ADMINS,
    "jobs.pause": ADMINS,
    "jobs.resume": ADMINS,
    "rules.listing": ADMINS,
    "rules.new": ADMINS,
    "rules.create": ADMINS,
    "rules.edit": ADMINS,
    "rules.change": ADMINS,
    "rules.end": ADMINS,
    "rules.withdraw": ADMINS,
    "rules.backtest": ADMINS,
    "receipt_forms.listing": ADMINS,
    "receipt_forms.new": ADMINS,
    "receipt_forms.create": ADMINS,
    "receipt_forms.edit": ADMINS,
    "receipt_forms.change": ADMINS,
    "problem_categories.listing": ADMINS,
    "problem_categories.new": ADMINS,
    "problem_categories.create": ADMINS,
    "problem_categories.edit": ADMINS,
    "problem_categories.change": ADMINS,
    "tier_lines.listing": ADMINS,
    "tier_lines.new": ADMINS,
    "tier_lines.create": ADMINS,
    "speed_spans.listing": ADMINS,
    "speed_spans.new": ADMINS,
    "speed_spans.create": ADMINS,
    "speed_spans.edit": ADMINS,
    "speed_spans.change": ADMINS,
    "plan_templates.listing": ADMINS,
    "plan_templates.new": ADMINS,
    "plan_templates.create": ADMINS,
    "plan_templates.edit": ADMINS,
    "plan_templates.change": ADMINS,
    "own_fields.listing": ADMINS,
    "own_fields.new": ADMINS,
    "own_fields.create": ADMINS,
    "own_fields.edit": ADMINS,
    "own_fields.change": ADMINS,
    "milestone_kinds.listing": ADMINS,
    "milestone_kinds.new": ADMINS,
    "milestone_kinds.create": ADMINS,
    "milestone_kinds.edit": ADMINS,
    "milestone_kinds.change": ADMINS,
    "recognition_admin.listing": ADMINS,
    "recognition_admin.edit": ADMINS,
    "recognition_admin.change": ADMINS,
    "recognition_admin.new_case": ADMINS,
    "recognition_admin.create_case": ADMINS,
    "recognition_admin.edit_case": ADMINS,
    "recognition_admin.change_case": ADMINS,
    "target_admin.listing": ADMINS,
    "target_admin.new": ADMINS,
    "target_admin.create": ADMINS,
    "target_admin.edit": ADMINS,
    "target_admin.change": ADMINS,
    "target_admin.remove": ADMINS,
}
# These check a whole file before they take the write lock, and nothing in it affects a figure.
CHECKED_FIRST = frozenset({"imports.preview", "imports.apply", "imports.problems"})
# A person with a temporary password can only replace it or sign out.
WITH_TEMPORARY_PASSWORD = frozenset({"me.show", "me.set_password", "auth.sign_out"})


def _check() -> ResponseReturnValue | None:
    """Refuse requests that the table does not allow, with 404 rather than 403."""
    if request.endpoint is None:
        return None  # unknown path: the router answers 404

    if "\0" in request.path:
        abort(404)  # PostgreSQL refuses NUL, so nothing has such a name

    if request.endpoint in PUBLIC:
        return None

    person = me()
    if person is None:
        return redirect_to_login()
    if person.is_password_temporary and request.endpoint not in WITH_TEMPORARY_PASSWORD:
        return redirect(url_for("me.show"))

    # a page that is missing from the table is open to nobody
    roles = ACCESS.get(request.endpoint, frozenset())
    if person.role not in roles:
        abort(404)

    if roles == ADMINS and request.method in CHANGING and request.endpoint not in CHECKED_FIRST:
        take_exclusive_lock(db.session)  # one admin at a time: their changes affect all figures
        if is_outdated():
            # while this request waited the admin may have lost the role
            forget_reads()
            note_reads()
            return _check()

    return None


def begin_write_late() -> None:
    """Begin again, with the write lock; then check access again."""
    # what was read before may be stale: the account may have been closed meanwhile
    undo()
    begin_to_write(db.session)
    if request.endpoint in CHECKED_FIRST:
        take_exclusive_lock(db.session)  # on PostgreSQL, too: of many at once each has its turn
    g.pop("moment", None)  # changes are made in the order of their moments
    note_reads()
    if (answer := _check()) is not None:
        abort(answer)  # type: ignore[arg-type] # a response that ends the request


def init_app(app: Flask) -> None:
    """Check every request against the table."""
    app.before_request(_check)
