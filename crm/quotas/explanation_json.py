"""Why a figure is what it is, as text that is kept and read again. Pure."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from crm.quotas.rules import Counted, Figure, NotCounted


@dataclass(frozen=True, slots=True)
class Explanation:
    """The visits of a figure: those that count, and those that do not and why."""

    counted: tuple[Counted, ...]
    not_counted: tuple[NotCounted, ...]


_kept = TypeAdapter(Explanation)


def as_text(figure: Figure) -> str:
    """The figure's explanation as JSON."""
    return _kept.dump_json(Explanation(figure.counted, figure.not_counted)).decode()


def from_text(text: str) -> Explanation:
    """The explanation that `as_text` wrote."""
    return _kept.validate_json(text)
