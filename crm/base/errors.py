"""The one exception by which rules and services refuse."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """A refusal: a stable code, the field it concerns, and facts for its message."""

    def __init__(self, code: str, field: str | None = None, **facts: object) -> None:
        super().__init__(code, field, facts)
        self.code = code
        self.field = field
        self.facts = facts
