"""Compares what each transaction of the application changes with the entries of its trail.

It sees pages, commands in this process and the clock by where audit entries come from; rows that
tests arrange come from nowhere. What a change was not told of fails the test that made it.
"""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Result, event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from crm.base.audit import _source
from crm.base.audit_entries import AuditEntry
from crm.base.db import Base

CHANGED, TOLD = "changed rows", "entries of the trail"
SESSION = "session"  # whose connection it is
UNTOLD: list[str] = []

# Tables whose rows say nothing that anybody changed, and why.
TECHNICAL = {
    "answered_request": "what was answered, kept for a repeat of the request",
    "audit_entry": "the trail itself",
    "audit_head": "the trail itself",
    "audit_link": "the trail itself",
    "audit_seal": "the trail itself",
    "audit_withheld": "the trail itself",
    "figure": "follows from facts, which have entries; a freeze has one of each rule",
    "import_file": "a file that is looked at; what is kept of it has entries",
    "import_later": "what an import is to change, which has entries of its own",
    "import_made": "what an import made, which has entries of its own",
    "import_name": "whom a unit means by a name, remembered with its imports",
    "import_run": "where an import stands; what is kept of it has entries",
    "import_template": "which column is which, remembered with a unit's imports",
    "job_run": "the ledger of the clock",
    "kept_digest": "follows from the records, kept with the mail of its short form",
    "lease": "which node runs the timetable",
    "message": "the outbox: made with the change that it tells of",
    "nudge_level": "follows from figures, kept at noon",
    "stored_file": "bytes by their hash; the entry of the record that has them names it",
    "visit_batch": "visits that an import makes, which have entries of their own",
    "rate_count": "how often somebody tried, for the limits",
    "reminder": "follows from frozen figures",
    "reported_figure": "follows from figures, kept with the mail that told them",
}
# Columns that move by themselves, or follow from other rows.
MOVING = {
    "api_token": {"used_at"},
    "lead": {"last_contact_on"},
    "login_session": {"seen_at"},
    "person": {"last_failed_at"},
    "second_factor": {"last_step"},  # with the session that the code begins
}
# Rows beside another: by whose entry they are told, found by that column; None: by any such entry.
BESIDE: Mapping[str, Mapping[str, str | None]] = {
    "api_token": {"person": "person_id"},
    "calendar_feed": {"person": "person_id"},
    "channel_address": {"person": "person_id"},
    "channel_binding": {"channel": "channel_id"},
    "channel_choice": {"person": "person_id"},
    "claim_entry": {"claim": "claim_id"},
    "claim_file": {"claim": "record_id"},
    "claim_kind_span": {"claim_kind": None},
    "companion_notice": {"visit": "visit_id"},
    "company": {"lead": None},
    "company_alias": {"company": "company_id"},
    "company_proposal": {"company": "company_id"},
    "contact": {"lead": "lead_id", "company": "company_id"},
    "entry_grant": {"person": None},
    "former_password": {"person": "person_id"},
    "frozen_result": {"result_month": "month_id"},
    "recovery_code": {"person": "person_id"},
    "second_factor": {"person": "person_id"},
    "receipt_file": {"receipt": "record_id"},
    "lead_file": {"lead": "record_id"},
    "visit_file": {"visit": "record_id"},
    "followup_snooze": {"followup": "followup_id"},
    "followup_file": {"followup": "record_id"},
    "order_file": {"supervision_order": "record_id"},
    "assistance_offer": {"lead": "lead_id"},
    "lead_amount": {"lead": "lead_id"},
    "lead_own_value": {"lead": "lead_id"},
    "own_field_choice": {"own_field": "field_id"},
    "lead_site": {"lead": "lead_id"},
    "lead_role": {"lead": "lead_id"},
    "kept_contact": {"contact": "contact_id"},
    "login_session": {"person": "person_id", "retention_period": None},
    "merge": {"lead": None, "company": None},
    "mail_choice": {"person": "person_id"},
    "milestone": {"lead": "lead_id"},
    "milestone_plan": {"lead": "lead_id"},
    "order_entry": {"supervision_order": "order_id"},
    "order_series": {"supervision_order": None},
    "order_unit": {"supervision_order": "order_id"},
    "problem_file": {"problem": "record_id"},
    "plan_template_step": {"plan_template": "template_id"},
    "problem_entry": {"problem": "problem_id"},
    "problem_lead": {"problem": "problem_id"},
    "problem_unit": {"problem": "problem_id"},
    "quiet_time": {"person": "person_id"},
    "visit_company": {"visit": "visit_id"},
    "visit_former": {"visit": "visit_id"},
    "visit_lead": {"visit": "visit_id"},
    "visit_participant": {"visit": "visit_id"},
}
BEGUN_BY = {"trip": "visit"}  # a new row only
# Tables that are read again by the rows that entries name, and the column with the id of those.
FIGURES_REST_ON = {"visit": "id", "visit_participant": "visit_id"}
MADE = frozenset({"correction"})  # new by a change that has its entry; signed and explained by hand


@event.listens_for(Session, "after_flush")
def _see_rows(session: Session, _context: UOWTransaction) -> None:
    if _source.get() is None:
        return
    result = session.info.setdefault(TOLD, set())
    result |= {(row.subject, row.subject_id) for row in session.new if isinstance(row, AuditEntry)}
    for how, rows in (("new", session.new), ("gone", session.deleted), ("set", session.dirty)):
        for row in rows:
            columns = _columns(row) if how == "set" else {"all"}
            table = row.__tablename__
            if columns - MOVING.get(table, set()):
                session.info.setdefault(CHANGED, []).append((table, how, _values(row)))


@event.listens_for(Session, "do_orm_execute")
def _see_statements(state: ORMExecuteState) -> Result | None:
    if _source.get() is None or not (state.is_insert or state.is_update or state.is_delete):
        return None
    _see_rows_of_visits(state)
    result, changes_rows = done(state)
    if not changes_rows:
        return result
    statement: Any = state.statement
    table = statement.table.name
    if table == AuditEntry.__tablename__:
        rows = [state.parameters] if state.is_executemany is False else state.parameters
        entries = {(row["subject"], row["subject_id"]) for row in rows}
        state.session.info.setdefault(TOLD, set()).update(entries)
    columns = {
        getattr(each, "name", each) for each in getattr(statement, "_values", None) or {"all": None}
    }
    if columns - MOVING.get(table, set()):
        how = "new" if state.is_insert else "set"
        state.session.info.setdefault(CHANGED, []).append((table, how, {}))
    return result


@event.listens_for(Session, "after_begin")
def _name_session(session: Session, _transaction: Any, connection: Connection) -> None:
    connection.info[SESSION] = session


@event.listens_for(Engine, "before_cursor_execute")
def _see_bulk_inserts(
    connection: Connection, _cursor: Any, statement: str, values: Any, context: Any, _many: Any
) -> None:
    """See the rows that `crm.base.bulk` inserts past the session."""
    if _source.get() is None or context.compiled or not statement.startswith("INSERT INTO "):
        return
    session = connection.info[SESSION]
    table, names = re.match(r"INSERT INTO (\w+) \((.*?)\)", statement).groups()
    columns = names.split(", ")
    if table == AuditEntry.__tablename__:
        pairs = [values[columns.index(name) :: len(columns)] for name in ("subject", "subject_id")]
        session.info.setdefault(TOLD, set()).update(zip(*pairs, strict=True))
    session.info.setdefault(CHANGED, []).append((table, "new", {}))


def _see_rows_of_visits(state: ORMExecuteState) -> None:
    """See which rows a statement is about, where figures rest on the entry of each."""
    statement: Any = state.statement
    key = FIGURES_REST_ON.get(statement.table.name)
    if key is None or state.is_insert or state.is_executemany:
        return
    rows = select(statement.table.c[key]).where(*statement._where_criteria)  # noqa: SLF001
    seen = state.session.info.setdefault(CHANGED, [])
    for row_id in state.session.connection().execute(rows, state.parameters or {}).scalars():
        seen.append((statement.table.name, "set", {key: row_id}))


def done(state: ORMExecuteState) -> tuple[Result | None, bool]:
    """The result of an INSERT that returns its rows, and whether the statement changes any."""
    statement: Any = state.statement
    if not (state.is_insert and statement.exported_columns):
        return None, True  # what others change is only known by the statement
    rows = state.invoke_statement().freeze()
    return rows(), bool(rows.data)


@event.listens_for(Session, "after_commit")
def _judge(session: Session) -> None:
    if session.in_nested_transaction():
        return
    result = session.info.pop(TOLD, set())
    for table, how, values in session.info.pop(CHANGED, []):
        if table not in TECHNICAL and not _is_told(table, how, values, result):
            UNTOLD.append(f"{_source.get()}: {table} {how} {values}")


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.info.pop(TOLD, None)
    session.info.pop(CHANGED, None)


def _is_told(table: str, how: str, values: Mapping[str, Any], told: set[tuple[str, int]]) -> bool:
    """Whether an entry is about the row, or about the one that it stands beside."""
    subjects = {subject for subject, _ in told}
    if how == "new" and table in MADE:
        return True
    if not values:  # a statement, whose rows nobody loaded
        return bool(subjects & {table, *BESIDE.get(table, {}), BEGUN_BY.get(table, table)})
    if (table, values.get("id")) in told or (how == "new" and BEGUN_BY.get(table) in subjects):
        return True
    if table == "workday_override":  # its entries are of one of the dates that were set at once
        return table in subjects
    return any(
        subject in subjects if column is None else (subject, values[column]) in told
        for subject, column in BESIDE.get(table, {}).items()
    )


def _columns(row: Base) -> set[str]:
    """The columns of a loaded row that were set to something else."""
    state = inspect(row)
    names = {column.key for column in state.mapper.column_attrs}
    return {name for name in names if state.attrs[name].history.has_changes()}


def _values(row: Base) -> dict[str, Any]:
    names = [column.key for column in inspect(row).mapper.column_attrs]
    return {name: row.__dict__.get(name) for name in names if name == "id" or name.endswith("_id")}
