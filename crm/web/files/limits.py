"""How large a request with files may be; all other requests stay small."""

from http import HTTPStatus

from flask import Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue

from crm.files.checks import LARGEST_MEGABYTES

MEGABYTE = 1024 * 1024
LARGEST_REQUEST_MEGABYTES = 60  # several photos at once; without script they come in one request
UPLOADS: dict[str, str] = {}  # of endpoints that take files, the one that shows their form
TOO_LARGE = "too-large"
# Endpoints of imports, whose preview sends the file along; `crm serve` reads 12 MB of a body.
LARGE_FORMS: set[str] = set()
LARGEST_FORM_MEGABYTES = 12


def _raise_limit(endpoint: str | None, _values: object) -> None:
    if endpoint in UPLOADS:
        request.max_content_length = LARGEST_REQUEST_MEGABYTES * MEGABYTE
    if endpoint in LARGE_FORMS:
        request.max_content_length = LARGEST_FORM_MEGABYTES * MEGABYTE
        request.max_form_memory_size = LARGEST_FORM_MEGABYTES * MEGABYTE


def too_large_text() -> str:
    """The sentence of a request that was too large to be read."""
    if TOO_LARGE not in request.args:
        return ""
    return (
        f"本次上传超过 {LARGEST_REQUEST_MEGABYTES} MB，未保存。"
        f"每份不超过 {LARGEST_MEGABYTES} MB，请分几次上传。"
    )


def too_large_errors() -> list[str]:
    """The errors of the field of files: that sentence, or none."""
    return [text] if (text := too_large_text()) else []


def upload_form_again() -> ResponseReturnValue | None:
    """Lead from a request that was too large back to its form; None where it had no files."""
    if request.endpoint not in UPLOADS:
        return None
    values = {**(request.view_args or {}), TOO_LARGE: 1}
    return redirect(url_for(UPLOADS[request.endpoint], **values), HTTPStatus.SEE_OTHER)


def init_app(app: Flask) -> None:
    """Raise the limit before anything reads the body."""
    app.url_value_preprocessor(_raise_limit)
