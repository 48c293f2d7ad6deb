"""Pages travel compressed: with its lists of people and leads, a form weighs more than its styles.

No other site learns a page's secrets from its length: it cannot ask for one with the person's
cookie, which is SameSite=Lax.
"""

import gzip

from flask import Flask, request
from werkzeug.wrappers import Response

WORTHWHILE = 1024  # bytes; what is smaller travels in one packet anyway


def _compress(response: Response) -> Response:
    if response.mimetype != "text/html" or response.is_streamed:
        return response
    response.vary.add("Accept-Encoding")
    page = response.get_data()
    if len(page) >= WORTHWHILE and request.accept_encodings.quality("gzip"):
        response.set_data(gzip.compress(page, compresslevel=6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def init_app(app: Flask) -> None:
    """Compress pages for browsers that say they can read it."""
    app.after_request(_compress)
