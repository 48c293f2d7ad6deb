"""The files of a request, checked and stored once, before anything is written to the database."""

from flask import current_app, g, request
from werkzeug.datastructures import FileStorage

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.files.checks import LARGEST
from crm.files.service import KeptFile, keep_file
from crm.files.store import FileStore, store_at
from crm.settings import Settings
from crm.web.errors import refusal_text


@value_class
class Upload:
    """A file that was sent: stored, or the sentence why it is not."""

    file: KeptFile | None
    error: str = ""


def store() -> FileStore:
    own: Settings = current_app.config["SETTINGS"]
    return store_at(own.files_place)


def uploads() -> list[Upload]:
    """The files of this request; a second run under the write lock meets them as they were."""
    if "uploads" not in g:
        sent = [file for file in request.files.getlist("file") if file.filename]
        g.uploads = [_upload(file) for file in sent]
    found: list[Upload] = g.uploads
    return found


def _upload(sent: FileStorage) -> Upload:
    name = sent.filename or ""
    try:
        # one byte more than is allowed says that it is too large
        return Upload(keep_file(store(), name=name, content=sent.read(LARGEST + 1)))
    except Refused as refusal:
        return Upload(None, f"“{_shown(name)}”：{refusal_text(refusal)}")


def _shown(name: str) -> str:
    """The name as it may stand in a sentence: without what hides or turns letters."""
    return "".join(char if char.isprintable() else "�" for char in name)[:60]
