"""Compression of pages: with its lists of people and leads, a form outweighs its styles."""

from http import HTTPStatus

from flask import Flask, Response
from flask_compress import Compress

compress = Compress()


def _compress(response: Response) -> Response:
    # Flask-Compress skips every answer but 2xx; a refused form is as large as a new one.
    status = response.status_code
    response.status_code = HTTPStatus.OK

    response = compress.after_request(response)

    response.status_code = status
    return response


def init_app(app: Flask) -> None:
    """Compress pages for browsers that accept it; WhiteNoise has compressed the static files."""
    # Compressing pages that hold secrets is safe here although their length tells of them: no other
    # site can ask for one with the person's cookie, which is SameSite=Lax.
    app.config.from_mapping(
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_MIMETYPES=["text/html", "text/javascript", "application/json"],
        COMPRESS_MIN_SIZE=1024,  # bytes; less travels in one packet anyway
        COMPRESS_STREAMS=False,
        COMPRESS_EVALUATE_CONDITIONAL_REQUEST=False,  # pages are no-store
        COMPRESS_REGISTER=False,
    )
    compress.init_app(app)
    app.after_request(_compress)
