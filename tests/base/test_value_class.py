"""Frozen dataclasses whose methods are compiled when first called."""

import subprocess
import sys
from copy import copy
from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.value_class import value_class


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    days: int = 3
    notes: tuple[str, ...] = field(default=(), compare=False)


@value_class
class Quick:
    name: str
    days: int = 3
    notes: tuple[str, ...] = field(default=(), compare=False)


@given(st.text(), st.integers(), st.text(), st.integers())
def test_a_value_class_compares_and_hashes_as_a_frozen_dataclass(name, days, other, others_days):
    quick, plain = Quick(name, days, ("first",)), Plain(name, days, ("first",))

    assert (quick == Quick(other, others_days)) is (plain == Plain(other, others_days))
    assert hash(quick) == hash(plain)
    assert quick != plain
    assert repr(quick) == repr(plain).replace("Plain", "Quick")
    assert asdict(quick) == asdict(plain)
    assert quick.__match_args__ == plain.__match_args__


def test_a_value_is_replaced_and_copied_but_not_changed():
    value = Quick("a")

    assert replace(value, days=4) == Quick("a", 4)
    assert copy(value) == value
    with pytest.raises(FrozenInstanceError):
        value.days = 5
    with pytest.raises(FrozenInstanceError):
        del value.days
    with pytest.raises(FrozenInstanceError):
        value.unknown = 1


def test_the_first_call_refuses_what_a_dataclass_refuses():
    @value_class(kw_only=True)
    class Named:
        name: str

    with pytest.raises(TypeError, match=r"Named.__init__\(\) takes 1 positional argument"):
        Named("a")
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'name'"):
        Named()


def test_fields_are_inherited_and_own_methods_stay():
    @value_class
    class Base:
        name: str

        def __post_init__(self):
            object.__setattr__(self, "name", self.name.strip())

    @value_class
    class Derived(Base):  # noqa: PLW1641 - the decorator adds it
        days: int

        def __eq__(self, other):
            return self.days == other.days

    made = Derived(" a ", 1)

    assert (made.name, made.days) == ("a", 1)
    assert made == Derived("b", 1)
    assert hash(made) == hash(("a", 1))


def test_a_class_is_defined_without_compiling_anything():
    code = (
        "import builtins\n"
        "from crm.base.value_class import value_class\n"
        "def refuse(*_args): raise AssertionError\n"
        "builtins.exec = refuse\n"
        "@value_class\n"
        "class Value:\n"
        "    name: str\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
