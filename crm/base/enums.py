"""Codes of the regime with their Chinese names: one place per word."""

from enum import StrEnum
from typing import Self

from crm.base.names import folded


class LabeledEnum(StrEnum):
    """A code that is stored and spoken by machines, with the name that people read."""

    label: str

    def __new__(cls, code: str, label: str = "") -> Self:
        """Make the member of its code and keep its name beside it."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member

    @classmethod
    def read(cls, text: str) -> Self:
        """The member of that code or Chinese name; ValueError where there is none."""
        asked = folded(text)
        for member in cls:
            if text == member.value or asked == folded(member.label):
                return member
        raise ValueError(text)
