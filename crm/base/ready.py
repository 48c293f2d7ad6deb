"""Selects that are put into the database's words once, for requests that are sent all day.

For each execution SQLAlchemy looks a statement up by its parts, and passes its values and rows
through layers that a plain select of columns needs none of: as long again as SQLite takes for it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import SelectBase

Convert: TypeAlias = Callable[[Any], Any] | None
MOST_WORDS = 64  # of one statement, as each length of a list makes another text


class _Given(NamedTuple):
    """Which of the given values stands in a place of the text."""

    name: str
    position: int | None  # in a list
    convert: Convert


class _Words(NamedTuple):
    """The statement in a database's words, for lists of some lengths."""

    text: str
    values: tuple[tuple[str, object], ...]  # by name, a constant or a `_Given`
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]  # of columns that need one
    is_positional: bool


class ReadySelect:
    """A select of columns, with a value or a list of values for each of its named parameters."""

    def __init__(self, statement: SelectBase) -> None:
        """`statement`: its lists are expanding parameters."""
        self._statement = statement
        self._words = lru_cache(MOST_WORDS)(self._put)
        binds = statement.compile().binds
        self._lists = [name for name, bind in binds.items() if bind.required and bind.expanding]
        self._singles = [
            name for name, bind in binds.items() if bind.required and not bind.expanding
        ]

    def rows(self, db: Session, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows, as executing the statement would give them."""
        given = {**values, **{name: list(values[name]) for name in self._lists}}
        lengths = tuple(len(given[name]) for name in self._lists)
        words = self._words(db.get_bind().dialect, lengths)
        sent = [(name, _sent(value, given)) for name, value in words.values]
        # a name may stand in several places
        values_sent = tuple(value for _, value in sent) if words.is_positional else dict(sent)
        found = db.connection().exec_driver_sql(words.text, values_sent).all()
        return _converted(found, words)

    def _put(self, dialect: Dialect, lengths: tuple[int, ...]) -> _Words:
        places: dict[str, Any] = {name: (name, None) for name in self._singles}
        for name, length in zip(self._lists, lengths, strict=True):
            places[name] = [(name, position) for position in range(length)]

        compiled: Any = self._statement.compile(dialect=dialect)
        state = compiled.construct_expanded_state(places)
        values = []
        for name in state.positiontup or state.parameters:
            value, convert = state.parameters[name], state.processors.get(name)
            if isinstance(value, tuple):
                values.append((name, _Given(value[0], value[1], convert)))
            else:  # a constant of the statement
                values.append((name, convert(value) if convert else value))
        types = [column.type.dialect_impl(dialect) for column in self._statement.selected_columns]
        converters = [type_.result_processor(dialect, None) for type_ in types]
        of_columns = tuple((n, convert) for n, convert in enumerate(converters) if convert)
        return _Words(state.statement, tuple(values), of_columns, bool(state.positiontup))


def _sent(value: object, given: Mapping[str, Any]) -> object:
    if not isinstance(value, _Given):
        return value
    name, position, convert = value
    found = given[name] if position is None else given[name][position]
    return convert(found) if convert else found


def _converted(rows: Sequence[Any], words: _Words) -> list[tuple[Any, ...]]:
    if not rows or not words.converters:
        return [tuple(row) for row in rows]
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for number, convert in words.converters:
        columns[number] = [convert(value) for value in columns[number]]
    return list(zip(*columns, strict=True))
