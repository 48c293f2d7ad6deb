"""The field that asks what was signed (PROJECTS 1)."""

from typing import Any

from wtforms import RadioField

from crm.leads.rules import Agreement
from crm.web.forms import enum_choices


class AgreementField(RadioField):
    """What was signed; the service refuses a signing without it."""

    def __init__(self, label: str = "协议类型", **kwargs: Any) -> None:
        choices = enum_choices(Agreement)
        super().__init__(label, choices=choices, coerce=_chosen, validate_choice=False, **kwargs)


def _chosen(text: str | None) -> Agreement | None:
    """The agreement of that code; none where nothing was chosen."""
    return Agreement(text) if text in set(Agreement) else None
