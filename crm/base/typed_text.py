"""Text as people type or paste it, brought to one form: width, dashes, blanks, unseen marks."""

import re
import unicodedata

_MINUS = "\u2212"
_SCIENTIFIC = re.compile(r"\d+(?:\.\d+)?[eE]\+?\d+")  # 1.38E+10, which Excel makes of a number
_FLOAT = re.compile(r"(\d{7,})\.0+")  # 13812345678.0, which programs make of one
_PHONE = re.compile(r"[0-9+\-() 转#,*/]{3,60}")
_PHONE_WORDS = (("分机", "转"), ("、", "/"), (";", "/"), ("或", "/"))
_FEWEST_DIGITS = 3


class ScientificPhoneError(ValueError):
    """A telephone number that a spreadsheet turned into scientific notation; digits are lost."""


def one_width(text: str) -> str:
    """The text with ASCII digits, letters and marks, plain dashes and blanks, no unseen marks."""
    letters = []
    for char in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(char)
        if category == "Pd" or char == _MINUS:
            letters.append("-")
        elif category != "Cf":  # such as the marks around a number pasted from a phone
            letters.append(" " if char.isspace() else char)
    return " ".join("".join(letters).split())


def one_line_break(text: str) -> str:
    """The text with a line feed as its only line break, whatever a browser or spreadsheet sends."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def phone_number(text: str) -> str:
    """A telephone number, or two of them, in one form; ValueError where it is none."""
    number = one_width(text)
    if _SCIENTIFIC.fullmatch(number):
        raise ScientificPhoneError(text)
    number = _FLOAT.sub(r"\1", number)
    for word, sign in _PHONE_WORDS:
        number = number.replace(word, sign)
    digits = sum(char.isdigit() for char in number)
    if not _PHONE.fullmatch(number) or digits < _FEWEST_DIGITS:
        raise ValueError(text)
    return re.sub(r" ?([/()-]) ?", r"\1", number)
