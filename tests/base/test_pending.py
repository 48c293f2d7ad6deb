"""What services collect takes effect before the commit, or there is no commit."""

import pytest

from crm.base.pending import UnappliedError, collect, take
from tests.factories import make_person


def test_a_commit_without_the_effects_is_refused(sessions):
    with sessions() as db:
        collect(db, "an edit")
        make_person(db, "li")

        with pytest.raises(UnappliedError):
            db.commit()


def test_a_savepoint_is_no_commit(sessions):
    with sessions.begin() as db:
        with db.begin_nested():
            make_person(db, "li")
            collect(db, "an edit")

        assert take(db, str) == ["an edit"]


def test_values_are_taken_by_kind_and_in_order(db):
    for value in (2, "an edit", 1):
        collect(db, value)

    assert take(db, int) == [2, 1]
    assert take(db, int) == []
    assert take(db, str) == ["an edit"]


def test_what_is_rolled_back_has_no_effects(sessions):
    with sessions() as db:
        make_person(db, "li")
        collect(db, "an edit")
        db.rollback()
        make_person(db, "li")
        db.commit()

        assert take(db, str) == []
