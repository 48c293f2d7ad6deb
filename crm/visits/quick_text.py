"""The text of one quick entry, and which parts of it are read (ENTRY 1). Pure."""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache

READ = "\u25aa"  # stands for a character that is read
READ_NAME = "\u25ab"  # for one of a company's name
NUMBER = r"(?:\d{1,2}|[零〇一二两三四五六七八九十廿卅]{1,3})"
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
# words that carry nothing by themselves, between parts that are read
_GLUE = (
    r"(?:我们|一起|一行|考察|调研|参观|回访|带队|率队|等(?:[一两三四五六七八九十\d]+家)?(?:企业|公司)?|先后|顺路|顺便|专程|前往|又|再|过?一?[趟次]|过|刚[才刚]?|[打开]完|从|我(?:也|一起)?陪同|通|开|发|回|个"
    r"|拜访|拜会|走访|会见|见面|见到|[碰遇][到见]|对接|接待|联系|上门"
    r"|[我了在于的和与跟同及等去到至来赴看找见跑给趟打飞\s,。;、:!?().-])*"
)
_ONLY_GLUE = re.compile(_GLUE)
_BEGIN = re.compile(r"^(?:了(?!解)|的)+")
_ENDS = " \t,。;、:!?"
_LED = re.compile(r"(?<=..)(?:[跟和与同去的]|(?<!不)在)+$|(?<=[,，。;；])\s*见[了到]{0,2}$")
PATTERNS = {"glue": _ONLY_GLUE, "led": _LED}


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled when first used: those of names took most of a server's start."""
    return re.compile(pattern)


def plain(text: str) -> str:
    """The text in half-width characters and plain dashes, as long as it was."""
    return "".join(map(_plain_character, text))


def _plain_character(char: str) -> str:
    if unicodedata.category(char) == "Pd":
        return "-"
    if char in "，、；：！？。":
        return (
            "、" if char == "、" else "。" if char == "。" else unicodedata.normalize("NFKC", char)
        )
    if char.isspace():
        return " "
    half = unicodedata.normalize("NFKC", char)
    return half if len(half) == 1 else char


def number(text: str) -> int:
    """The value of a `NUMBER`: 十一, 二十五, 25."""
    if text.isascii():
        return int(text)
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, is_ten, ones = text.rpartition("十")
    value = _DIGITS[tens] if tens else 1
    return value * 10 + (_DIGITS[ones] if ones else 0) if is_ten else _DIGITS[ones]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A part of the text."""

    start: int
    end: int

    def meets(self, other: "Span") -> bool:
        """Whether both share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(slots=True)
class Line:
    """One entry: its text, the same in half-width characters, and the parts that are read."""

    text: str
    plain: str = ""
    taken: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plain = plain(self.text)

    def take(self, start: int, end: int) -> str:
        """Mark the part as read, and return its words."""
        self.taken.append(Span(start, end))
        return self.text[start:end].strip(_ENDS)

    def is_free(self, start: int, end: int) -> bool:
        """Whether nothing of the part is read yet."""
        return not any(start < one.end and one.start < end for one in self.taken)

    def unread(self, text: str, seen: Span | None = None) -> str:
        """The text, as long as before, with marks for what is read; not for the part `seen`."""
        for span in self.taken:
            if span != seen:
                size = min(span.end, len(text)) - span.start
                text = text[: span.start] + READ * size + text[span.end :]
        return text

    def next_free(self, at: int) -> int:
        """The first place from there on that is not read yet."""
        while at < len(self.text) and not self.is_free(at, at + 1):
            at += 1
        return at

    def clause_at(self, at: int) -> Span:
        """The part between two punctuation marks that holds the position."""
        start = max(self.plain.rfind(mark, 0, at) for mark in ",。;!?") + 1
        ends = [found for mark in ",。;!?" if (found := self.plain.find(mark, at)) >= 0]
        return Span(start, min(ends, default=len(self.plain)))

    def rest(self) -> str:
        """What nothing has read, in its order."""
        pieces, at = [], 0
        for span in [*sorted(self.taken), Span(len(self.text), len(self.text))]:
            piece = self.text[at : max(at, span.start)]
            if not _ONLY_GLUE.fullmatch(plain(piece)):
                piece = piece.strip(" ,，。；;、").lstrip("）)，, ").rstrip("（(")
                piece = _BEGIN.sub("", piece)
                # what led to a part that is read says nothing without it: 刚才跟王总
                piece = _LED.sub("", piece) if span.start < len(self.text) else piece
                pieces.append(piece.rstrip(" ,，、"))
            at = max(at, span.end)
        return "，".join(pieces)
