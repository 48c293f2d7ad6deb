"""The units that a roster names: known ones, and those that are to be added (ENTRY 6). Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from crm.base.errors import Refused
from crm.base.names import folded
from crm.base.syllables import syllables
from crm.base.value_class import value_class
from crm.people.queries import UnitNode, UnitRow, units_below
from crm.people.roster_words import kind_of, means_zone
from crm.people.rules import UnitKind

NEW = "+"  # chosen for a name: a unit of its own
LONGEST_CODE = 40  # characters, as in the form of a unit
LONGEST_PART = 24  # letters of a name that is spelled in full


@value_class(kw_only=True)
class NewUnit:
    """A unit that is to be added below another."""

    key: str
    code: str
    name: str
    kind: UnitKind
    parent: "Place"


Place = UnitRow | NewUnit


@value_class
class UnitAnswer:
    """A name that no unit bears, and what holds for it: the code of a unit, or `NEW`."""

    key: str
    name: str
    parent: str  # the name of the unit above it
    value: str
    code: str  # of the new unit


@dataclass(slots=True)
class UnitBook:
    """The units of the zone; a name that none bears becomes a new unit unless another is chosen."""

    nodes: Sequence[UnitNode]
    chosen: Mapping[str, str]  # codes or `NEW` by the folded names of the path
    new: dict[str, NewUnit] = field(default_factory=dict)
    answers: dict[str, UnitAnswer] = field(default_factory=dict)

    def place(self, path: Sequence[str]) -> Place:
        """The unit of these names, the widest first; refused as `ambiguous_unit`."""
        here: Place = self.root
        keys: list[str] = []
        for name in path:
            keys.append(folded(name))
            here = self._below(here, name, "/".join(keys), is_first=len(keys) == 1)
        return here

    def called(self, place: Place) -> str:
        """The name of the unit after that of the one above it, but for the zone."""
        above = place.parent if isinstance(place, NewUnit) else self._above(place)
        if above is None or above == self.root:
            return place.name
        return f"{above.name} / {place.name}"

    def _above(self, unit: UnitRow) -> UnitRow | None:
        return next((node.unit for node in self.nodes if node.unit.id == unit.parent_id), None)

    @property
    def root(self) -> UnitRow:
        """The zone; refused as `no_such_unit` where there are no units."""
        tops = [node.unit for node in self.nodes if node.unit.parent_id is None]
        if not tops:
            raise Refused("no_such_unit", field="unit")
        return next((unit for unit in tops if unit.kind is UnitKind.ZONE), tops[0])

    def _below(self, parent: Place, name: str, key: str, *, is_first: bool) -> Place:
        chosen = self.chosen.get(key, "")
        if unit := next((node.unit for node in self.nodes if node.unit.code == chosen), None):
            self._answer(key, name, parent, unit)
            return unit
        if chosen != NEW:
            if unit := self._named(parent, name, is_first=is_first):
                return unit
            if is_first and means_zone(name):
                self._answer(key, name, parent, self.root)
                return self.root
        if key not in self.new:
            self.new[key] = self._new(parent, name, key)
        self._answer(key, name, parent, self.new[key])
        return self.new[key]

    def _answer(self, key: str, name: str, parent: Place, unit: Place) -> None:
        is_new = isinstance(unit, NewUnit)
        answer = UnitAnswer(key, name, parent.name, NEW if is_new else unit.code, unit.code)
        self.answers.setdefault(key, answer)

    def _named(self, parent: Place, name: str, *, is_first: bool) -> UnitRow | None:
        if isinstance(parent, NewUnit):
            return None
        within = None if is_first else units_below(self.nodes, {parent.id})
        spellings = self._spellings(name)
        found = [
            node.unit
            for node in self.nodes
            if (within is None or node.unit.id in within)
            and (node.unit.code == name or folded(node.unit.name) in spellings)
        ]
        if len(found) > 1:
            codes = "、".join(sorted(unit.code for unit in found))
            raise Refused("ambiguous_unit", field="unit", unit=name, codes=codes)
        return found[0] if found else None

    def _spellings(self, name: str) -> set[str]:
        """The name with and without that of the zone before it."""
        plain, zone = folded(name), folded(self.root.name)
        return {plain, plain.removeprefix(zone) or plain}

    def _new(self, parent: Place, name: str, key: str) -> NewUnit:
        kind = kind_of(name, is_below_zone=parent is self.root)
        return NewUnit(key=key, code=self._code(parent, name), name=name, kind=kind, parent=parent)

    def _code(self, parent: Place, name: str) -> str:
        taken = {node.unit.code for node in self.nodes} | {unit.code for unit in self.new.values()}
        return code_for(name, "" if parent is self.root else parent.code, taken)


def code_for(name: str, above: str, taken: Collection[str]) -> str:
    """The name in pinyin, or its initials where that is long, after the code above it."""
    parts = [part for part in syllables(folded(name)) if part.isascii() and part.isalnum()]
    code = "".join(parts)
    if len(code) > LONGEST_PART:
        code = "".join(part[0] for part in parts)[:LONGEST_PART]
    code = code or "unit"
    if above:
        code = f"{above}-{code}"[-LONGEST_CODE:]
    return free_name(code, taken)


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with the first number that tells it from those that are taken."""
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    return found


def key_of(place: Place) -> str:
    """What tells the unit from all others, known and new."""
    return place.key if isinstance(place, NewUnit) else f"#{place.id}"
