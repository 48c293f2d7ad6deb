"""Refusals in words, for the command line."""

from crm.base.errors import Refused
from crm.web.errors import told as told_on_pages


def told(refusal: Refused) -> str:
    """The sentence of a refusal, after the field that it concerns."""
    sentence = told_on_pages(refusal)
    return f"{refusal.field}: {sentence}" if refusal.field else sentence
