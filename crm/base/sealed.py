"""Short secrets encrypted with a key derived from `CRM_SECRET_KEY`: a stolen database has none."""

from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm.base.errors import Refused


def seal(text: str, *, key: str, purpose: str) -> str:
    """The text encrypted for that purpose."""
    return _cipher(key, purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, key: str, purpose: str) -> str:
    """The text; refused as `secret_key_changed` where another key has sealed it."""
    try:
        return _cipher(key, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Refused("secret_key_changed") from None


@cache
def _cipher(key: str, purpose: str) -> Fernet:
    # a key for each purpose: what is sealed for one opens for no other
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return Fernet(urlsafe_b64encode(derived.derive(key.encode())))
