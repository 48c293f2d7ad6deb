"""Frozen dataclasses of our own beside those of the standard library."""

import copy
import dataclasses
import pickle

import pytest

from crm.base import values


def made_by(dataclass):
    @dataclass(frozen=True, slots=True)
    class Base:
        number: int
        text: str = "x"

    @dataclass(frozen=True, slots=True)
    class Point(Base):
        tags: list[str] = dataclasses.field(default_factory=list)
        note: str = dataclasses.field(default="", compare=False, repr=False)
        unit: str = dataclasses.field(default="m", kw_only=True)

        def __post_init__(self):
            if self.number < 0:
                raise ValueError("negative")

    return Point


OURS, STANDARD = made_by(values.dataclass), made_by(dataclasses.dataclass)


@values.dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: tuple[int, ...] = ()


@pytest.mark.parametrize("make", [OURS, STANDARD], ids=["ours", "standard"])
class TestEither:
    def test_values_are_given_or_have_defaults(self, make):
        point = make(1, tags=["a"], unit="km")

        assert dataclasses.astuple(point) == (1, "x", ["a"], "", "km")
        assert make(1).tags is not make(1).tags

    def test_equal_values_are_equal(self, make):
        assert make(1, note="a") == make(1, note="b")
        assert make(1) != make(2)
        assert make(1) != (1, "x", [], "m")

    def test_it_shows_its_values(self, make):
        assert repr(make(1)).endswith("Point(number=1, text='x', tags=[], unit='m')")

    def test_it_cannot_be_changed(self, make):
        with pytest.raises(dataclasses.FrozenInstanceError):
            make(1).number = 2
        with pytest.raises(dataclasses.FrozenInstanceError):
            del make(1).number

    def test_a_changed_copy_is_checked_again(self, make):
        assert dataclasses.replace(make(1), number=2) == make(2)
        with pytest.raises(ValueError, match="negative"):
            dataclasses.replace(make(1), number=-1)

    @pytest.mark.parametrize("arguments", [(), (1, "x", [], "", "m")])
    def test_wrong_arguments_are_refused(self, make, arguments):
        with pytest.raises(TypeError):
            make(*arguments)


def test_equal_values_have_one_hash():
    assert len({Pair(1), Pair(1, ()), Pair(2)}) == 2


def test_copies_are_equal():
    pair = Pair(1, (2,))

    assert copy.deepcopy(pair) == pickle.loads(pickle.dumps(pair)) == pair  # noqa: S301 - our own


def test_it_matches_by_place():
    match Pair(1, (2,)):
        case Pair(left, right):
            assert (left, right) == (1, (2,))
