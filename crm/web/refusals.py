"""Notes in the trail who was refused a change: it was out of their scope, or not for their role."""

from http import HTTPStatus

from flask import Flask, current_app, request
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response

from crm.base.db import writing
from crm.base.db_faults import first_line
from crm.extensions import db
from crm.people.refusals import note_refusal
from crm.web.auth import me
from crm.web.transaction import CHANGING, is_api, moment

REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
LONGEST_PATH = 200


def _note(response: Response) -> Response:
    """Write the entry in a short transaction of its own: that of the request was undone."""
    if response.status_code not in REFUSED or request.method not in CHANGING or is_api():
        return response
    person = me() if request.endpoint else None
    if person is None:
        return response

    person_id, endpoint = person.id, str(request.endpoint)
    db.session.rollback()
    try:
        with writing(db.sessionmaker) as own:
            path = request.path[:LONGEST_PATH]
            note_refusal(own, person_id=person_id, endpoint=endpoint, path=path, now=moment())
    except DBAPIError as error:  # it was refused all the same
        current_app.logger.warning("refusal not noted: %s", first_line(error))
    return response


def init_app(app: Flask) -> None:
    """Look at every answer."""
    app.after_request(_note)
