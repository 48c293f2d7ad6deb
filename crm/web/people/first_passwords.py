"""First passwords for the accounts of an import or a list: a file that is answered once."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.clock import civil, monotonic
from crm.base.sheets import NOTE, Column, Format, write_sheet
from crm.base.value_class import value_class
from crm.extensions import db
from crm.imports.models import ImportRun
from crm.imports.queries import my_run, people_of
from crm.imports.rules import PEOPLE, RunState
from crm.people.accounts import TEMPORARY_DAYS, temporary_password
from crm.people.directory import Account, PeopleFilter, PersonLine
from crm.people.first_passwords import (
    MOST,
    count_without_password,
    give_first_passwords,
    usernames_without_password,
)
from crm.people.password_rules import PasswordRules
from crm.people.rules import Duty, Role
from crm.people.service import hash_password
from crm.people.sign_in_profiles import password_rules
from crm.web.access import ACCESS
from crm.web.access_check import begin_write_late
from crm.web.auth import my_view, signed_in
from crm.web.downloads import attached
from crm.web.forms import enum_arg, query_arguments, text_arg, whole_number
from crm.web.transaction import moment, release, today, transaction

# A proxy waits a minute for an answer, and a lost one would take the passwords with it.
HASHED_SECONDS = 40
COLUMNS = (
    Column("name", "姓名"),
    Column("username", "账号"),
    Column("unit", "单位"),
    Column("password", "初始密码"),
)


@value_class
class Offer:
    """How many accounts would be given a password, and where that is asked for."""

    count: int
    url: str
    most: int


def asked_people() -> PeopleFilter:
    """What the address narrows the list of people to."""
    return PeopleFilter(
        text=text_arg("q"),
        duty=enum_arg("duty", Duty),
        role=enum_arg("role", Role),
        account=enum_arg("account", Account),
    )


def offer_of_list(session: Session, asked: PeopleFilter) -> Offer | None:
    """For the list as it is narrowed; none for who may not, or where nobody needs one."""
    return _offer(session, asked, None, {**query_arguments(), "at": ""})


def offer_of_run(session: Session, run: ImportRun) -> Offer | None:
    """For the accounts of an import."""
    if run.kind != PEOPLE or run.state is not RunState.DONE:
        return None
    return _offer(session, PeopleFilter(), run, {"run": str(run.id)})


def _offer(
    session: Session, asked: PeopleFilter, run: ImportRun | None, address: Mapping[str, str]
) -> Offer | None:
    if signed_in().role not in ACCESS["people.give_first_passwords"]:
        return None
    made = people_of(run) if run else None
    count = count_without_password(session, asked, made=made, now=moment(), on=today())
    arguments: dict[str, Any] = {name: text for name, text in address.items() if text}
    url = url_for("people.give_first_passwords", **arguments)
    return Offer(count, url, MOST) if count else None


def give_first_passwords_page() -> ResponseReturnValue:
    """Make temporary passwords for those who have none, and answer with them this once."""
    run = _asked_run()
    asked = asked_people()
    made = people_of(run) if run else None
    names = usernames_without_password(db.session, asked, made=made, now=moment(), on=today())
    back = url_for("tables.show", run_id=run.id) if run else url_for("people.listing")
    passwords, hashes = _hashed(names, password_rules(db.session))
    begin_write_late()

    with transaction() as session:
        lines = give_first_passwords(
            session, hashes=hashes, by=signed_in(), now=moment(), on=today()
        )
        rows = _rows(lines, passwords)
    if not rows:
        flash("没有需要生成初始密码的账号。", "info")
        return redirect(back)

    name = f"first-passwords-{civil(moment()):%Y%m%d-%H%M}"
    content = write_sheet(
        COLUMNS, rows, in_chinese=True, form=Format.XLSX, note=_note(len(rows), len(names))
    )
    return attached(content, name, Format.XLSX)


def _asked_run() -> ImportRun | None:
    """My import that the address names; another's is not there."""
    if not (text := request.args.get("run")):
        return None
    run_id = whole_number(text)
    run = my_run(db.session, run_id, my_view().person_id) if run_id else None
    if run is None or run.kind != PEOPLE or run.state is not RunState.DONE:
        abort(404)
    return run


def _hashed(
    names: Sequence[str], rules: PasswordRules
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The passwords and their hashes, of as many as there is time for."""
    # hashing is slow: no transaction is held meanwhile
    release()
    until = monotonic() + HASHED_SECONDS
    passwords: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for name in names:
        if passwords and monotonic() > until:
            break
        passwords[name] = temporary_password(rules, name)
        hashes[name] = hash_password(name, passwords[name], rules=rules)
    return passwords, hashes


def _rows(lines: Sequence[PersonLine], passwords: Mapping[str, str]) -> list[dict[str, object]]:
    return [
        {
            "name": line.person.name,
            "username": line.person.username,
            "unit": line.unit,
            "password": passwords[line.person.username],
        }
        for line in lines
    ]


def _note(count: int, of: int) -> str:
    by = f"{NOTE}{signed_in().name}　{civil(moment()):%Y-%m-%d %H:%M}　共 {count} 个账号"
    more = "　其余账号请再次生成" if count < of else ""
    return f"{by}　{TEMPORARY_DAYS} 天内有效，首次登录须修改密码{more}"
