"""What the settings say of mails."""

from crm.base.value_class import value_class

MAILBOX = "mailbox"


@value_class(kw_only=True)
class MailSettings:
    """The values of `CRM_MAIL…`, and the key that seals passwords."""

    url: str
    sender: str
    per_minute: int
    connections: int
    secret: str

    @property
    def is_fixed(self) -> bool:
        """Whether they name the server, so that no page changes it."""
        return self.url != MAILBOX
