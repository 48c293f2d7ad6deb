"""The one exception by which rules and services refuse."""

from collections.abc import Callable, Iterable, Iterator


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """A refusal: a stable code, the field it concerns, and facts for its message."""

    def __init__(self, code: str, field: str | None = None, **facts: object) -> None:
        super().__init__(code, field, facts)
        self.code = code
        self.field = field
        self.facts = facts
        self.others: tuple[Refused, ...] = ()  # what is refused besides, at other fields


def refuse(refusals: Iterable[Refused]) -> None:
    """Raise all that is refused at once: the first refusal, with the others."""
    found = list(refusals)
    if found:
        found[0].others = tuple(found[1:])
        raise found[0]


def refusals_of(*checks: Callable[[], object]) -> Iterator[Refused]:
    """What the checks refuse, of which none rests on another."""
    for check in checks:
        try:
            check()
        except Refused as refusal:
            yield refusal
            yield from refusal.others
