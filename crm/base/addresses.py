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
ENCODED_WORD = "=?"  # what stands behind it a reader of mails decodes (RFC 2047)
# What a Chinese keyboard types instead of ASCII, as in ｌｉ＠ｃｒｍ．ｔｅｓｔ
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("。"): ord(".")}


class BadAddressError(ValueError):
    """Nothing can be sent to that."""

    def __init__(self, text: str, code: str = "bad_email") -> None:
        super().__init__(f"“{text}”不是可用的邮箱地址")
        self.code = code


def checked(text: str) -> str:
    """The address as it is kept: in half-width signs, its domain in small letters.

    Raises `BadAddressError`. Before the @ are ASCII signs only, as not every server on the way
    takes others (RFC 6531); a domain in other scripts is kept as it is read and sent as punycode.
    """
    return _checked(text).normalized


def accepted(text: str | None) -> str | None:
    """The same for a service's argument, which may be empty; refused at the field `email`."""
    if not text:
        return None
    try:
        return checked(text)
    except BadAddressError as error:
        raise Refused(error.code, field="email", value=text) from error


def mailbox(text: str) -> Address:
    """`Name <address>`, or an address alone, as it is sent; raises `BadAddressError`."""
    name, spec = "", text.strip()
    if spec.endswith(">"):
        name, _, spec = spec[:-1].rpartition("<")
        name = _unquoted(name.strip())
    ascii_spec = _checked(spec).ascii_email
    if not ascii_spec or not name.isprintable() or "<" in name:
        raise BadAddressError(text)
    local, _, domain = ascii_spec.rpartition("@")
    return Address(name, username=local, domain=domain)


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1] if is_quoted else name


def _checked(text: str) -> ValidatedEmail:
    plain = unicodedata.normalize("NFC", text).translate(_HALF_WIDTH)

    try:
        found = validate_email(
            plain,
            allow_smtputf8=False,
            strict=True,  # no more than 64 signs before the @
            check_deliverability=False,
            globally_deliverable=False,  # a domain without a dot, as crm@localhost
        )
    except EmailNotValidError as error:
        local, _, domain = plain.partition("@")
        is_foreign = domain and not local.isascii()
        raise BadAddressError(text, "email_not_ascii" if is_foreign else "bad_email") from error

    if ENCODED_WORD in found.normalized:
        raise BadAddressError(text)

    return found
