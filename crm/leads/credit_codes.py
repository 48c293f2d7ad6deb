"""Unified social credit codes of companies, with the check digit of GB 32100."""

from crm.base.errors import Refused


def credit_code_of(text: str | None) -> str | None:
    """The code as it is kept: upper case, without blanks; `None` where empty."""
    return "".join((text or "").split()).upper() or None


def is_credit_code(code: str) -> bool:
    """Whether the code is complete and its check digit is right."""
    from stdnum.cn import uscc  # noqa: PLC0415 - forms without a code need not load it

    return bool(uscc.is_valid(code))


def require_credit_code(code: str | None, field: str = "credit_code") -> None:
    """Refuse a code that is incomplete or mistyped."""
    if code and not is_credit_code(code):
        raise Refused("bad_credit_code", field=field, typed=code)
