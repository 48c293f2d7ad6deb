"""`crm outbox`: list messages with their delivery state, and resend them."""

import click
from sqlalchemy import select

from crm.base import clock
from crm.base.db import LARGEST_ID
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind
from crm.cli import base
from crm.jobs import resend
from crm.jobs.delivery_hold import hold_delivery, release_delivery
from crm.jobs.mime import mime_of

KEYS = (
    "id",
    "kind",
    "recipient",
    "subject",
    "state",
    "attempts",
    "due_at",
    "sent_at",
    "dedupe_key",
)


@click.group()
def outbox() -> None:
    """Show messages and their delivery state, and resend them."""


@outbox.command("list")
@base.format_option
def list_(form: str) -> None:
    """List all messages, the oldest first."""
    with base.reading() as db:
        rows = [_row(message) for message in db.scalars(select(Message).order_by(Message.id))]
    base.print_rows(rows, KEYS, form)


@outbox.command()
@click.argument("message_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
@base.format_option
def show(message_id: int, form: str) -> None:
    """Print a message as the MIME text that is sent."""
    with base.reading() as db:
        message = db.get(Message, message_id)
        if message is None:
            raise Refused("unknown_message", id=message_id)
        # bytes as they are sent: `crm outbox show 1 > mail.eml` opens in a mail program
        if form == "table":
            click.echo(_mime(message), nl=False)
        else:
            base.print_rows([_row(message)], KEYS, form)


@outbox.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=int)
@click.option(
    "--again", is_flag=True, help="Also messages already sent: they are sent a second time."
)
@click.option("--note", default="", help="The reason, for the message's note and the audit trail.")
def send(ids: tuple[int, ...], note: str, *, again: bool) -> None:
    """Queue messages again, whatever their state; the clock or a worker sends them."""
    with base.changing() as db:
        resend.send(db, ids, again=again, why=note, by=None, now=clock.now())
    click.echo(f"已把 {len(set(ids))} 封邮件重新列入待发。")


@outbox.command()
@click.option("--kind", type=click.Choice([kind.value for kind in MessageKind]))
@click.option("--note", default="", help="The reason, for the messages' notes and the audit trail.")
def retry(kind: str | None, note: str) -> None:
    """Queue all failed messages again, or those of one kind."""
    wanted = MessageKind(kind) if kind else None
    with base.changing() as db:
        count = resend.retry(db, kind=wanted, why=note, by=None, now=clock.now())
    click.echo(f"已把 {count} 封发送失败的邮件重新列入待发。")


@outbox.command()
@click.option("--why", required=True, help="The reason; crm doctor and the admins' page show it.")
def hold(why: str) -> None:
    """Deliver nothing until it is released."""
    with base.changing() as db:
        hold_delivery(db, why=why, by=None, now=clock.now())
    click.echo("已暂停发信。")


@outbox.command()
@click.option(
    "--mail-waiting",
    is_flag=True,
    help="Also mail what waits now; without it that stays in the mailbox only.",
)
def release(*, mail_waiting: bool) -> None:
    """Deliver again what is made from now on."""
    with base.changing() as db:
        count = release_delivery(db, mail_waiting=mail_waiting, by=None, now=clock.now())
    kept = "将照常发送" if mail_waiting else "只存入站内信箱，不再发送"
    click.echo(f"已恢复发信。此前待发的 {count} 封{kept}。")


def _mime(message: Message) -> bytes:
    try:
        return mime_of(message, sender=base.site().mail_from)
    except ValueError as error:
        raise Refused("no_mail_address", id=message.id, recipient=message.recipient) from error


def _row(message: Message) -> dict[str, object]:
    sent_at = message.sent_at

    return {
        "id": message.id,
        "kind": message.kind.value,
        "recipient": message.recipient,
        "subject": message.subject,
        "state": message.state.value,
        "attempts": message.attempts,
        "due_at": clock.civil(message.due_at).isoformat(),
        "sent_at": clock.civil(sent_at).isoformat() if sent_at else None,
        "dedupe_key": message.dedupe_key,
    }
