"""What a password must be: its length, its kinds of characters, and none of the known ones."""

import unicodedata
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache

from crm.base.errors import Refused
from crm.base.seed_files import read_seeds

SHORTEST_PASSWORD = 10
LONGEST_RUN = 4  # different characters in a password that only repeats them
LONGEST_NUMBER = 12  # digits alone: telephone numbers, dates, identity numbers in part
ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1234567890", "1qaz2wsx3edc")
AS_LETTERS = str.maketrans("@0135$", "aoiess")  # how words are disguised


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRules:
    """What is asked of a new password."""

    shortest: int = SHORTEST_PASSWORD
    character_kinds: int = 0  # of upper case, lower case, digits and other characters
    history: int = 0  # so many of the last passwords are not taken again
    bars_common: bool = True


def require_acceptable(rules: PasswordRules, username: str, password: str) -> None:
    """Refuse what the rules do not take.

    Refused as `short_password`, `password_is_username`, `password_kinds`, `common_password`.
    """
    if len(password) < rules.shortest:
        raise Refused("short_password", field="password", shortest=rules.shortest)
    if password.casefold() == username.casefold():
        raise Refused("password_is_username", field="password")
    if _kinds(password) < rules.character_kinds:
        raise Refused("password_kinds", field="password", kinds=rules.character_kinds)
    if rules.bars_common and is_common(password, username):
        raise Refused("common_password", field="password")


def is_common(password: str, username: str) -> bool:
    """Whether it is a known word, the username or a row of keys, with digits and signs around."""
    text = unicodedata.normalize("NFKC", password).casefold()
    core, plain = _core(text), "".join(filter(str.isalnum, text))
    if len(set(text)) <= LONGEST_RUN or (plain.isdecimal() and len(plain) <= LONGEST_NUMBER):
        return True
    if core and core == _core(username.casefold()):
        return True
    return _is_known(text) or _is_known(core) or _is_row(core or plain) or _is_row(plain)


def _kinds(password: str) -> int:
    tests = (str.isupper, str.islower, str.isdecimal)
    others = any(not any(test(char) for test in tests) for char in password)
    return sum(any(map(test, password)) for test in tests) + others


def _core(text: str) -> str:
    """The text without digits and signs around it."""
    letters = [place for place, char in enumerate(text) if char.isalpha()]
    return text[letters[0] : letters[-1] + 1] if letters else ""


def _is_known(text: str) -> bool:
    spellings = {text, text.translate(AS_LETTERS)}
    spellings |= {"".join(char for char in each if char.isalpha()) for each in spellings}
    # a word twice is no other word
    halves = {each[: len(each) // 2] for each in spellings if each[: len(each) // 2] * 2 == each}
    return not _known().isdisjoint((spellings | halves) - {""})


def _is_row(text: str) -> bool:
    """Whether neighbours on the keyboard or in the alphabet make it, forwards or backwards."""
    return len(text) > LONGEST_RUN and any(
        text in each * 2 for row in ROWS for each in (row, row[::-1])
    )


@cache
def _known() -> AbstractSet[str]:
    return frozenset(str(word) for word in read_seeds("common_passwords.yaml"))
