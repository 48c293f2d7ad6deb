"""Mail addresses: one check for every entrance, so that what is accepted can be sent to."""

import unicodedata
from email.headerregistry import Address

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from crm.base.errors import Refused

# A zone's mail server may stand in its own network: such domains work there and nowhere else.
INTERNAL = frozenset({"local", "localhost", "test"})
email_validator.SPECIAL_USE_DOMAIN_NAMES = [
    name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in INTERNAL
]
ENCODED_WORD = "=?"  # a mail program decodes what follows (RFC 2047)
# What a Chinese keyboard types instead of ASCII, as in ｌｉ＠ｃｒｍ．ｔｅｓｔ
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("。"): ord(".")}


class BadAddressError(ValueError):
    """No mail can be sent to this address."""

    def __init__(self, text: str, code: str = "bad_email") -> None:
        super().__init__(f"“{text}”不是可用的邮箱地址")
        self.code = code


def normalize_address(text: str) -> str:
    """The address as it is stored: in half-width characters, the domain in lower case.

    Raises `BadAddressError`. Only ASCII may stand before the @, as not every server on the way
    takes anything else (RFC 6531). A domain in another script is stored as it is read and sent as
    punycode.
    """
    return _validated(text).normalized


def optional_address(text: str | None) -> str | None:
    """A service's address argument, which may be empty; refused at the field `email`."""
    if not text:
        return None
    try:
        return normalize_address(text)
    except BadAddressError as error:
        raise Refused(error.code, field="email", value=text) from error


def parse_address(text: str) -> Address:
    """`Name <address>` or an address alone, as a mail's header has it; raises `BadAddressError`."""
    # Not email-validator's `allow_display_name`: it refuses 招商系统 <crm@example.org>.
    name, spec = "", text.strip()
    if spec.endswith(">"):
        name, _, spec = spec[:-1].rpartition("<")
        name = _unquoted(name.strip())

    ascii_spec = _validated(spec).ascii_email
    if not ascii_spec or not name.isprintable() or "<" in name:
        raise BadAddressError(text)

    local, _, domain = ascii_spec.rpartition("@")
    return Address(name, username=local, domain=domain)


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1] if is_quoted else name


def _validated(text: str) -> ValidatedEmail:
    half_width = unicodedata.normalize("NFC", text).translate(_HALF_WIDTH)
    try:
        found = validate_email(
            half_width,
            allow_smtputf8=False,
            strict=True,  # at most 64 characters before the @
            check_deliverability=False,
            globally_deliverable=False,  # a domain without a dot, as crm@localhost
        )
    except EmailNotValidError as error:
        local, _, domain = half_width.partition("@")
        is_foreign = domain and not local.isascii()
        raise BadAddressError(text, "email_not_ascii" if is_foreign else "bad_email") from error

    if ENCODED_WORD in found.normalized:
        raise BadAddressError(text)
    return found
