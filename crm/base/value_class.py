"""Frozen dataclasses that are quick to define.

`dataclass` compiles six methods for each class. Of some 600 classes a process uses few, and
compiling those methods was a quarter of every start.
"""

from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, dataclass, field, fields, make_dataclass
from typing import Any, TypeVar, dataclass_transform, overload

COMPILED = ("__init__", "__repr__", "__eq__", "__hash__")
T = TypeVar("T")


@overload
def value_class(cls: type[T], /) -> type[T]: ...
@overload
def value_class(*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_class(cls: type[Any] | None = None, /, *, kw_only: bool = False) -> Any:
    """As `dataclass(frozen=True, slots=True)`, but its methods are compiled when first called."""
    if cls is None:
        return lambda decorated: _define(decorated, kw_only=kw_only)
    return _define(cls, kw_only=kw_only)


def _define(decorated: type[Any], *, kw_only: bool) -> type[Any]:
    # without a docstring the decorator would write one from the signature, which takes long
    decorated.__doc__ = decorated.__doc__ or decorated.__name__
    cls: type[Any]
    cls = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(decorated)

    # a class with an __eq__ of its own has None as its __hash__
    missing = [name for name in COMPILED if vars(cls).get(name) is None]
    for name in missing:
        setattr(cls, name, _compiled_when_called(cls, name, missing))
    for name, method in FROZEN.items():
        setattr(cls, name, method)
    return cls


def _compiled_when_called(cls: type[Any], name: str, missing: Sequence[str]) -> Callable[..., Any]:
    """A method that puts the compiled ones in the place of all that are missing."""

    def compile_and_call(self: Any, *args: Any, **named: Any) -> Any:
        compiled = _frozen_dataclass(cls)
        for method in missing:
            setattr(cls, method, getattr(compiled, method))
        return getattr(cls, name)(self, *args, **named)

    return compile_and_call


def _frozen_dataclass(cls: type[Any]) -> type[Any]:
    """The standard library's frozen dataclass with the fields of a value class."""
    namespace = {"__doc__": cls.__doc__, "__module__": cls.__module__}
    if hasattr(cls, "__post_init__"):
        namespace["__post_init__"] = cls.__post_init__
    specified = [(item.name, item.type, item) for item in fields(cls)]
    return make_dataclass(cls.__name__, specified, frozen=True, namespace=namespace)


def _refuse_change(_self: Any, name: str, *_value: Any) -> None:
    raise FrozenInstanceError(f"cannot change field {name!r}")


def _set_state(self: Any, state: tuple[None, dict[str, Any]]) -> None:
    """Fill a copy."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


FROZEN = {
    "__setattr__": _refuse_change,
    "__delattr__": _refuse_change,
    "__setstate__": _set_state,
}
