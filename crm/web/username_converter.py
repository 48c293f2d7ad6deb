"""User names in the addresses of pages: older ones may be `..` or `new`, which lead elsewhere."""

import base64
import binascii

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from crm.base.usernames import is_sound

ENCODED = "~"  # no new user name begins with it


class UsernameConverter(BaseConverter):
    """A part of an address that is a user name; one that cannot stand there is encoded."""

    def to_url(self, value: str) -> str:
        """The name as the address has it."""
        if is_sound(value):
            return super().to_url(value)
        return ENCODED + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")

    def to_python(self, value: str) -> str:
        """The name that the address means."""
        if not value.startswith(ENCODED):
            return value
        packed = value.removeprefix(ENCODED)
        try:
            name = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
        except (binascii.Error, UnicodeError) as error:
            raise ValidationError from error
        if "\0" in name:  # PostgreSQL refuses NUL
            raise ValidationError
        return name


def init_app(app: Flask) -> None:
    """Let routes say `<username:…>`."""
    app.url_map.converters["username"] = UsernameConverter
