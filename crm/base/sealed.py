"""Short secrets encrypted with a key derived from `CRM_SECRET_KEY`: a stolen database has none."""

from base64 import urlsafe_b64encode
from functools import cache
from typing import TYPE_CHECKING

from crm.base.errors import Refused

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def seal(text: str, *, key: str, purpose: str) -> str:
    """The text encrypted for that purpose."""
    return _cipher(key, purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, key: str, purpose: str) -> str:
    """The text; refused as `secret_key_changed` where another key has sealed it."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - as below

    try:
        return _cipher(key, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Refused("secret_key_changed") from None


@cache
def _cipher(key: str, purpose: str) -> "Fernet":
    from cryptography.fernet import Fernet  # noqa: PLC0415 - 6 MiB, where something is sealed
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    # a key for each purpose: what is sealed for one opens for no other
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return Fernet(urlsafe_b64encode(derived.derive(key.encode())))
