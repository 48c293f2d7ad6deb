"""Enumerations whose members have a code and a Chinese label."""

from enum import StrEnum
from typing import Self

from crm.base.names import folded


class LabeledEnum(StrEnum):
    """An enum of codes, which are stored, each with the Chinese label that people read."""

    label: str

    def __new__(cls, code: str, label: str = "") -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member

    @classmethod
    def read(cls, text: str) -> Self:
        """The member of that code or label; ValueError where there is none."""
        wanted = folded(text)
        for member in cls:
            if text == member.value or wanted == folded(member.label):
                return member
        raise ValueError(text)
