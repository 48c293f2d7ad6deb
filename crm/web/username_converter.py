"""Usernames in URLs; old ones such as `..` or `new` would mean another page and are encoded."""

import base64
import binascii

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from crm.base.usernames import is_sound

ENCODED = "~"  # no new username begins with it


class UsernameConverter(BaseConverter):
    """A path segment with a username, base64-encoded where it could not stand as it is."""

    def to_url(self, value: str) -> str:
        if is_sound(value):
            return super().to_url(value)
        return ENCODED + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")

    def to_python(self, value: str) -> str:
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
