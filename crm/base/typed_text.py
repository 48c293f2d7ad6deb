"""Text as people type or paste it, in one form: width, dashes, blanks, invisible characters."""

import re
import unicodedata

_MINUS = "\u2212"
_SCIENTIFIC = re.compile(r"\d+(?:\.\d+)?[eE]\+?\d+")  # 1.38E+10, as Excel writes a long number
_FLOAT = re.compile(r"(\d{7,})\.0+")  # 13812345678.0, as programs write it
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_PHONE = re.compile(r"[0-9+\-() 转#,*/]{3,60}")
_PHONE_WORDS = (("分机", "转"), ("、", "/"), (";", "/"), ("或", "/"))
_FEWEST_DIGITS = 3
_LONGEST_PHONE = 100  # characters as typed; to look for a number in more takes the square of them


class _PlainCharacters(dict[int, str]):
    """What stands for each character, found when it is first met: long tables have few."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Pd" or char == _MINUS:
            char = "-"
        elif category == "Cf":  # invisible, as around a number copied from a phone's contacts
            char = ""
        self[code] = char
        return char


_PLAIN = _PlainCharacters()


class ScientificPhoneError(ValueError):
    """A phone number in scientific notation: the spreadsheet has lost some of its digits."""


def half_width(text: str) -> str:
    """The text in half-width characters, with plain dashes and blanks and nothing invisible."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_PLAIN).split())


def without_directions(text: str) -> str:
    """The text in NFC, without the marks that turn the direction of what follows them."""
    return unicodedata.normalize("NFC", _DIRECTIONS.sub("", text))


def unify_line_breaks(text: str) -> str:
    """The text with line feeds only; browsers and spreadsheets send CR LF or CR."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def phone_number(text: str) -> str:
    """One or two phone numbers in one form; raises ValueError where the text is none."""
    number = half_width(text)
    if len(number) > _LONGEST_PHONE:
        raise ValueError(text)
    if _SCIENTIFIC.fullmatch(number):
        raise ScientificPhoneError(text)
    number = _FLOAT.sub(r"\1", number)
    for word, sign in _PHONE_WORDS:
        number = number.replace(word, sign)
    digits = sum(char.isdigit() for char in number)
    if not _PHONE.fullmatch(number) or digits < _FEWEST_DIGITS:
        raise ValueError(text)
    return re.sub(r" ?([/()-]) ?", r"\1", number)
