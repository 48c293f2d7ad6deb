"""`crm user`: add and disable accounts, and set passwords."""

import sys
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.cells import Cells, Email, Line, Phone, Username, read_cells
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.cli.base import changing, reading
from crm.cli.errors import readable_errors
from crm.people import service
from crm.people.accounts import disable_person
from crm.people.imports import unit_called
from crm.people.models import Person, Unit
from crm.people.queries import by_username
from crm.people.rules import Duty, Role
from crm.people.second_factor import reset_second_factor
from crm.people.sign_in_profiles import password_demands


class EnumParameter(click.ParamType[LabeledEnum]):
    """A member of an enum, by its code or Chinese label."""

    def __init__(self, members: type[LabeledEnum]) -> None:
        self.members = members
        self.name = "|".join(members)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show the codes as they are typed: Click would use capitals."""
        return self.name

    def convert(self, value: Any, param: Any, ctx: Any) -> LabeledEnum:
        try:
            return self.members.read(value)
        except ValueError:
            choice = "、".join(f"{member.value}（{member.label}）" for member in self.members)
            self.fail(f"{value!r} 不在可选范围内：{choice}", param, ctx)


class Account(Cells):
    username: Username
    name: Line
    email: Email
    phone: Phone


@click.group()
def user() -> None:
    """Add and disable accounts, and set passwords."""


@user.command()
@click.argument("username")
@click.option("--name", required=True, help="The person's name.")
@click.option(
    "--role", type=EnumParameter(Role), required=True, help="Decides what they may see and do."
)
@click.option("--email", default="", help="Where their mails go.")
@click.option("--phone", default="")
@click.option("--unit", help="Code or name of the unit in which they are posted.")
@click.option("--duty", type=EnumParameter(Duty), help="The duty there; decides the quotas.")
@click.option(
    "--from",
    "from_on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First date of the posting; today when left out.",
)
def add(
    *, role: Role, unit: str | None, duty: Duty | None, from_on: datetime | None, **fields: str
) -> None:
    """Add a person, with their primary posting where --unit and --duty are given."""
    if (unit is None) != (duty is None) or (from_on and not unit):
        raise click.UsageError("--unit 和 --duty 要一起给出，--from 只与它们同用。")

    now = clock.now()

    with changing() as db:
        account = read_cells(Account, fields)
        person = service.add_person(db, role=role, by=None, now=now, **account.model_dump())
        if unit and duty:
            begin = from_on.date() if from_on else clock.civil_date(now)
            posted_to = unit_called(db.scalars(select(Unit)).all(), unit)
            service.add_posting(
                db, person=person, unit=posted_to, duty=duty, from_on=begin, by=None, now=now
            )
        username = person.username

    click.echo(f"已添加账号 {username}，请用 crm user passwd {username} 设置密码。")


@user.command()
@click.argument("username")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def passwd(*, username: str, password_stdin: bool) -> None:
    """Set a person's password, and end their sessions; asked twice without --password-stdin."""
    with reading() as db:
        person = _person(db, username)  # refuse an unknown name before the prompt
        known, demands = person.username, password_demands(db, person)
    # outside a transaction: somebody may take long to type
    password = _password(from_stdin=password_stdin)
    with readable_errors():
        hashed = service.hash_password(known, password, rules=demands.rules, former=demands.former)
    with changing() as db:
        person = _person(db, known)
        service.set_password(db, person=person, password_hash=hashed, by=None, now=clock.now())
    click.echo("密码已设置，该账号此前的登录均已退出。")


@user.command()
@click.argument("username")
def disable(*, username: str) -> None:
    """Disable a person's account at once and end their sessions; their postings stay."""
    now = clock.now()
    with changing() as db:
        take_exclusive_lock(db)
        disable_person(db, person=_person(db, username), at=now, by=None, now=now)
    click.echo("账号已停用，该账号的登录均已退出。")


@user.command("reset-two-step")
@click.argument("username")
def reset_two_step(*, username: str) -> None:
    """Remove a person's second step of signing in, as for a lost telephone; ends their sessions."""
    with changing() as db:
        reset_second_factor(db, person=_person(db, username), by=None, now=clock.now())
    click.echo("两步验证已重置，该账号此前的登录均已退出。")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("新密码", hide_input=True, confirmation_prompt="再次输入"))


def _person(db: Session, username: str) -> Person:
    person = by_username(db, username)
    if person is None:
        raise Refused("unknown_username", field="username", username=username)
    return person
