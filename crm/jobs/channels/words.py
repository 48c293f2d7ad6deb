"""A message as every kind of channel gets it. Pure."""

from datetime import datetime

from crm.base.value_class import value_class


@value_class
class Letter:
    """What is sent over a channel."""

    delivery_id: str  # the same in a repeat
    event: str  # the kind of message
    title: str
    text: str  # what to do, and the link as its last line
    recipient: str  # a user name, or an address at the service; empty: a group
    made_at: datetime
    may_be_repeat: bool = False

    @property
    def link(self) -> str:
        """The page where it goes on."""
        return self.text.rpartition("\n")[2]

    @property
    def sentence(self) -> str:
        """What to do, without the link."""
        return self.text.rpartition("\n")[0]
