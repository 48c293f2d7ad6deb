"""Files in a folder: written whole or not at all, stored once, swept when nobody names them."""

import os
from datetime import timedelta
from hashlib import sha256

import pytest

from crm.base.errors import Refused
from crm.files.store import FolderStore
from tests.conftest import NOW

EARLIER = (NOW - timedelta(days=2)).timestamp()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def store(folder):
    return FolderStore(folder)


def test_the_same_bytes_are_stored_once_under_their_hash(store):
    digests = {store.keep(b"abc"), store.keep(b"abc")}

    assert digests == {sha256(b"abc").hexdigest()} == set(store.digests())
    with store.open(digests.pop()) as file:
        assert file.read() == b"abc"


def test_a_write_that_breaks_off_leaves_nothing(store, folder, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="files_unavailable"):
        store.keep(b"abc")

    assert list(store.digests()) == []
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_stored_lately_is_not_swept(store, folder):
    old, stored_again = store.keep(b"old"), store.keep(b"again")
    for digest in (old, stored_again):
        os.utime(folder / digest[:2] / digest, (EARLIER, EARLIER))
    store.keep(b"again")

    swept = [store.sweep(digest, before=NOW - timedelta(days=1)) for digest in (old, stored_again)]

    assert swept == [True, False]
    assert list(store.digests()) == [stored_again]


def test_what_a_killed_process_left_half_done_is_settled_by_a_later_sweep(store, folder):
    named = store.keep(b"named")
    path = folder / named[:2] / named
    path.rename(path.with_name(f"{named}.swept"))
    old, lately = (path.with_name(f"{named}.{part}.part") for part in ("0000", "1111"))
    old.write_bytes(b"nam")
    lately.write_bytes(b"nam")
    os.utime(old, (EARLIER, EARLIER))

    assert store.tidy(before=NOW - timedelta(days=1)) == 1
    assert list(store.digests()) == [named]
    assert not old.exists()
    assert lately.exists()
