"""The one way in which rules and services say no."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """What the rules refuse: a stable code, the field it concerns, facts to tell it with."""

    def __init__(self, code: str, field: str | None = None, **facts: object) -> None:
        super().__init__(code, field, facts)
        self.code = code
        self.field = field
        self.facts = facts
