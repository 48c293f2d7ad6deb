"""`crm files`: what is missing is named; what nobody names goes after a week."""

import os
from datetime import timedelta

import pytest

from crm.files.service import attach, keep_file
from crm.files.store import FolderStore
from crm.leads.models import LeadFile
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_lead, make_person
from tests.files import samples

LONG_AGO = (NOW - timedelta(days=8)).timestamp()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_FILES", str(tmp_path / "files"))
    return tmp_path / "files"


@pytest.fixture
def path(folder, sessions):
    """Where the one attachment lies."""
    file = keep_file(FolderStore(folder), name="合同.pdf", content=samples.pdf())
    with transaction(sessions) as db:
        lead, person = make_lead(db), make_person(db, "liwei")
        attach(db, LeadFile, lead.id, file=file, by=person, now=NOW)
    return folder / file.sha256[:2] / file.sha256


@pytest.mark.parametrize(
    ("spoil", "flaw"),
    [(lambda path: path.unlink(), "缺失"), (lambda path: path.write_bytes(b"x"), "内容已变")],
)
def test_a_file_that_is_gone_or_changed_is_named_and_fails(crm, path, spoil, flaw):
    whole = crm("files", "check")
    spoil(path)
    broken = crm("files", "check")

    assert (whole.exit_code, whole.stdout) == (0, "佐证材料完整：共 1 份。\n")
    assert broken.exit_code == 1
    assert broken.stdout == f"{path.name}  {flaw}\n"


def test_what_no_record_names_goes_after_a_week(crm, folder, path):
    store = FolderStore(folder)
    old, young = store.keep(b"old"), store.keep(b"young")
    for digest in (old, path.name):
        os.utime(folder / digest[:2] / digest, (LONG_AGO, LONG_AGO))

    result = crm("files", "sweep")

    assert "已清理 1 份" in result.stdout
    assert set(store.digests()) == {young, path.name}


def test_the_commands_name_a_bucket_that_cannot_be_used(crm, monkeypatch):
    for name, value in {"FILES": "s3://zone", "S3_KEY": "k", "S3_SECRET": "geheim"}.items():
        monkeypatch.setenv(f"CRM_{name}", value)
    monkeypatch.setenv("CRM_S3_ENDPOINT", "http://127.0.0.1:9")

    doctor, sweep = crm("doctor"), crm("files", "sweep")

    assert "不能使用 s3://zone/（http://127.0.0.1:9）" in doctor.stdout.replace("\n", "")
    assert "佐证材料存储暂时无法使用" in sweep.stderr
    assert "geheim" not in doctor.output + sweep.output
