"""Settings of mails for tests."""

from crm.base.mail_settings import MAILBOX, MailSettings

MAILBOX_ONLY = MailSettings(
    url=MAILBOX, sender="crm@zone.example", per_minute=0, connections=1, secret="s" * 32
)
