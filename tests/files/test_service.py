"""Files are added to a record within its limit, and never replaced but superseded (PROJECTS 0)."""

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.files.checks import check_file
from crm.files.models import StoredFile
from crm.files.queries import attachments_of, counts_of
from crm.files.service import MOST, KeptFile, attach, keep_file
from crm.files.store import FolderStore
from crm.leads.models import LeadFile
from tests.conftest import NOW
from tests.factories import make_lead, make_person
from tests.files import samples


@pytest.fixture
def lead(db):
    return make_lead(db, "封装测试项目")


@pytest.fixture
def add(db, tmp_path, lead):
    person, store = make_person(db, "tracker"), FolderStore(tmp_path)

    def of(text, *, to=lead, **given):
        file = keep_file(store, name=f"{text}.pdf", content=samples.pdf(text=text))
        return attach(db, LeadFile, to.id, file=file, by=person, now=NOW, **given)

    return of


def test_a_file_is_kept_with_its_name_size_hash_and_who_added_it(db, lead, add):
    content = check_file("合同.pdf", samples.pdf(text="合同")).content

    add("合同")

    [row] = attachments_of(db, LeadFile, lead.id)
    assert (row.name, row.added_by.username, row.added_at) == ("合同.pdf", "tracker", NOW)
    assert row.file.size == len(content)


def test_a_newer_version_supersedes_and_leaves_the_older_in_the_list(db, lead, add):
    first = add("第一版")
    second = add("第二版", supersedes_id=first.id)

    rows = attachments_of(db, LeadFile, lead.id)
    assert [(row.name, row.superseded_by_id) for row in rows] == [
        ("第一版.pdf", second.id),
        ("第二版.pdf", None),
    ]
    assert counts_of(db, LeadFile, [lead.id]) == {lead.id: 1}


def test_what_is_superseded_already_cannot_be_superseded_again(add):
    first = add("第一版")
    add("第二版", supersedes_id=first.id)

    with pytest.raises(Refused, match="upload_superseded"):
        add("第三版", supersedes_id=first.id)


def test_the_same_file_is_not_added_twice_to_one_record(db, lead, add):
    add("合同")
    add("合同", to=make_lead(db, "另一项目"))

    with pytest.raises(Refused, match="upload_there"):
        add("合同")
    assert db.scalar(select(func.count()).select_from(StoredFile)) == 1


def test_a_record_takes_twenty_files_and_newer_versions_of_them(db, lead):
    person = make_person(db, "tracker")

    def add(number, **given):
        file = KeptFile(f"{number}.pdf", "pdf", 1, f"{number:064}")
        return attach(db, LeadFile, lead.id, file=file, by=person, now=NOW, **given)

    added = [add(number) for number in range(MOST)]

    with pytest.raises(Refused, match="upload_too_many"):
        add(MOST)
    add(MOST, supersedes_id=added[0].id)


def test_adding_leaves_an_entry_about_the_record(db, lead, add):
    first = add("第一版")
    add("第二版", supersedes_id=first.id)

    entries = db.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert {(entry.action, entry.subject, entry.subject_id) for entry in entries} == {
        ("lead.file_added", "lead", lead.id)
    }
    assert '"file": "第一版.pdf"' in entries[1].before
