"""Refusals in words, for the command line."""

from crm.base.errors import Refused
from crm.web.errors import refusal_text as page_text


def refusal_text(refusal: Refused) -> str:
    """The sentence of a refusal, after the field that it concerns."""
    sentence = page_text(refusal)
    return f"{refusal.field}: {sentence}" if refusal.field else sentence
