"""The files that come with a claim as its evidence (PROJECTS 7)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from crm.files.service import KeptFile, attach
from crm.people.models import Person
from crm.results.models import Claim, ClaimFile
from crm.web.files.uploads import uploads
from crm.web.results.forms import ClaimForm


def are_files_kept(form: ClaimForm) -> bool:
    """Whether all files of the request may be kept; else the field says why not."""
    errors = [upload.error for upload in uploads() if upload.error]
    form.file.errors = errors
    return not errors


def sent_files() -> list[KeptFile]:
    """The files of the request, checked and stored."""
    return [upload.file for upload in uploads() if upload.file]


def add_files(
    db: Session, claim: Claim, files: Sequence[KeptFile], *, by: Person, now: datetime
) -> None:
    """Add them to the claim."""
    for file in files:
        attach(db, ClaimFile, claim.id, file=file, by=by, now=now)


def ask_for_files_again(form: ClaimForm) -> None:
    """Say that files are to be chosen once more: a browser fills in no files."""
    if sent_files():
        form.file.errors = [*form.file.errors, "请重新选择文件。"]
