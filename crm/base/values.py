"""Frozen dataclasses that are made quickly.

`dataclass` of the standard library compiles six functions for each class in Python 3.11: 0.2 s of
every start for the 300 classes here. This one compiles `__init__` alone and shares the others.
What it makes is a dataclass: `fields`, `replace`, `asdict` and matching know it.
"""

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
Function = Callable[..., Any]
_MISSING = object()  # an argument whose default a factory makes


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def dataclass(
    *, frozen: bool, slots: bool = False, kw_only: bool = False
) -> Callable[[type[T]], type[T]]:
    """A decorator like that of the standard library, for frozen classes."""
    if not frozen:
        message = "use dataclasses.dataclass"
        raise TypeError(message)

    def make(cls: type[T]) -> type[T]:
        cls.__doc__ = cls.__doc__ or cls.__name__  # else its signature is written out
        made = dataclasses.dataclass(
            init=False, repr=False, eq=False, slots=slots, kw_only=kw_only
        )(cls)
        known = dataclasses.fields(made)  # type: ignore[arg-type] # it is a dataclass now

        own = _methods(known) | {"__init__": _init(made, known)}
        for name, function in own.items():
            if name not in cls.__dict__:
                setattr(made, name, function)
        made.__setattr__ = made.__delattr__ = _refuse  # type: ignore[method-assign]
        return made

    return make


def _init(cls: type, known: tuple[dataclasses.Field[Any], ...]) -> Function:
    """The only function that needs code of its own: its parameters are the fields."""
    names: dict[str, Any] = {"_missing": _MISSING}
    positional, keywords, body = list[str](), list[str](), list[str]()

    for field in known:
        names[f"_set_{field.name}"] = _setter(cls, field.name)
        parameter = value = field.name
        if field.default is not dataclasses.MISSING:
            names[f"_default_{field.name}"] = field.default
            parameter += f"=_default_{field.name}"
        elif field.default_factory is not dataclasses.MISSING:
            names[f"_make_{field.name}"] = field.default_factory
            parameter += "=_missing"
            value = f"_make_{field.name}() if {field.name} is _missing else {field.name}"
        (keywords if field.kw_only else positional).append(parameter)
        body.append(f" _set_{field.name}(self, {value})")

    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    parameters = ", ".join(["self", *positional, *(["*", *keywords] if keywords else [])])
    exec(f"def __init__({parameters}):\n" + "\n".join(body or [" pass"]), names)  # noqa: S102 - as dataclasses does
    init: Function = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _setter(cls: type, name: str) -> Function:
    """What sets the attribute of a frozen object: its slot, which is quicker than its name."""
    slot = getattr(cls, name, None)
    if isinstance(slot, MemberDescriptorType):
        return slot.__set__
    return lambda self, value: object.__setattr__(self, name, value)


def _methods(known: tuple[dataclasses.Field[Any], ...]) -> dict[str, Function]:
    """Comparison and the rest, by the values of the fields."""
    names = [field.name for field in known]
    shown = [field.name for field in known if field.repr]
    values = _getter([field.name for field in known if field.compare])

    def __eq__(self: object, other: object) -> Any:  # noqa: N807
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807
        return hash(values(self))

    def __repr__(self: object) -> str:  # noqa: N807
        pairs = (f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({', '.join(pairs)})"

    def __getstate__(self: object) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: object, state: list[Any]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    functions = (__eq__, __hash__, __repr__, __getstate__, __setstate__)
    return {function.__name__: function for function in functions}


def _getter(names: list[str]) -> Function:
    return attrgetter(*names) if names else lambda _object: ()


def _refuse(self: object, name: str, *_value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"{type(self).__qualname__}.{name}")
