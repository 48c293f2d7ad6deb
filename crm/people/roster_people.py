"""Who is meant by each row of a roster: an account, a new person, or one to be asked (ENTRY 6)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from crm.base.errors import Refused
from crm.base.names import folded, person_pinyin
from crm.base.usernames import RESERVED, ByUsername, fold_username, new_username
from crm.base.value_class import value_class
from crm.people.models import Person
from crm.people.roster_rows import RosterRow
from crm.people.roster_units import NEW, NewUnit, Place, free_name, key_of

SAME = "="  # chosen for a second row of a name: the same person in another post


@value_class
class Meant:
    """The person of a row, known or new."""

    row: RosterRow
    place: Place
    username: str
    person: Person | None = None
    first_line: int | None = None  # of the earlier row that tells of the same person


@value_class
class PersonAnswer:
    """A name that two people may bear, who they may be, and what was chosen."""

    key: str
    name: str
    place: str
    options: Sequence[tuple[str, str]]
    value: str


class Matcher:
    """Finds the person of each row, in the order of the table; each account is found once."""

    def __init__(self, people: Iterable[Person], chosen: Mapping[str, str]) -> None:
        self.chosen = chosen
        self.answers: list[PersonAnswer] = []
        self._by_name: defaultdict[str, list[Person]] = defaultdict(list)
        everybody = list(people)
        for person in everybody:
            self._by_name[folded(person.name)].append(person)
        self._known = ByUsername((person.username, person) for person in everybody)
        self._taken = {fold_username(person.username) for person in everybody} | RESERVED
        self._given: set[str] = set()
        self._earlier: defaultdict[str, list[Meant]] = defaultdict(list)

    def reserve(self, rows: Iterable[RosterRow]) -> None:
        """Keep the user names that the table itself gives from being made for others."""
        self._taken |= {fold_username(row.username) for row in rows if row.username}

    def match(self, row: RosterRow, place: Place) -> Meant:
        """The person of the row.

        Refused as `roster_row_repeats`, `roster_person_to_choose`, `roster_no_username`, and as
        `new_username` refuses a name.
        """
        meant = self._again(row, place)
        if meant is None and row.username:
            meant = self._of_username(row, place)
        meant = meant or self._of_name(row, place) or self._new(row, place)
        self._earlier[folded(row.name)].append(meant)
        return meant

    def _again(self, row: RosterRow, place: Place) -> Meant | None:
        """The person of an earlier row."""
        for first in self._earlier[folded(row.name)]:
            if first.first_line is not None:
                continue
            if is_one := self._is_same(first.row, row):
                if key_of(first.place) == key_of(place):
                    raise Refused("roster_row_repeats", field="name", line=first.row.line)
                return Meant(row, place, first.username, first.person, first.row.line)
            if is_one is None and key_of(first.place) == key_of(place):
                raise Refused("roster_row_repeats", field="name", line=first.row.line)
            options = [
                (SAME, f"与第 {first.row.line} 行是同一人，兼任此职"),
                (NEW, "同名的另一人"),
            ]
            if is_one is None and self._ask(row, place, options, first) == SAME:
                return Meant(row, place, first.username, first.person, first.row.line)
        return None

    @staticmethod
    def _is_same(first: RosterRow, row: RosterRow) -> bool | None:
        """Whether two rows of one name are of one person; None where nothing tells it."""
        if first.username and row.username:
            return fold_username(first.username) == fold_username(row.username)
        if first.reach & row.reach:
            return True
        return False if _differ(first, row) else None

    def _of_username(self, row: RosterRow, place: Place) -> Meant | None:
        if row.username in self._known:
            person = self._known[row.username]
            if any(person is meant.person for each in self._earlier.values() for meant in each):
                raise Refused("duplicate_username", field="username", username=person.username)
            return Meant(row, place, person.username, person)
        name = new_username(row.username)
        if name in self._given:
            raise Refused("duplicate_username", field="username", username=name)
        self._given.add(name)
        return Meant(row, place, name)

    def _of_name(self, row: RosterRow, place: Place) -> Meant | None:
        """The account of that name, where only one can be meant."""
        claimed = {meant.person.id for meant in self._earlier[folded(row.name)] if meant.person}
        people = [each for each in self._by_name[folded(row.name)] if each.id not in claimed]
        if not people:
            return None
        likely = [each for each in people if row.reach & _reach(each)]
        if not likely:
            agreeing = [each for each in people if not _differ(each, row)]
            likely = [each for each in agreeing if _is_in(each, place)]
            if not likely and len(people) == 1 and not people[0].postings:
                likely = agreeing  # as the first admin, or one whose import was taken back
        if len(likely) != 1:
            options = [(each.username, _called(each)) for each in people]
            chosen = self._ask(row, place, [*options, (NEW, "不是上述人员，新建账号")])
            likely = [each for each in people if each.username == chosen]
        return Meant(row, place, likely[0].username, likely[0]) if likely else None

    def _ask(
        self,
        row: RosterRow,
        place: Place,
        options: Sequence[tuple[str, str]],
        first: Meant | None = None,
    ) -> str:
        """What was chosen; refused as `roster_person_to_choose` where nothing was."""
        key = f"{folded(row.name)}|{key_of(place)}" + (f"|{key_of(first.place)}" if first else "")
        value = self.chosen.get(key, "")
        if value not in {option for option, _ in options}:
            value = ""
        self.answers.append(PersonAnswer(key, row.name, place.name, options, value))
        if not value:
            raise Refused("roster_person_to_choose", field="name", person=row.name)
        return value

    def _new(self, row: RosterRow, place: Place) -> Meant:
        """A new person, called by the name in pinyin."""
        plain = "".join(char for char in person_pinyin(row.name) if char.isascii())
        name = "".join(filter(str.isalnum, plain)).lower()
        if not name:
            raise Refused("roster_no_username", field="name", person=row.name)
        name = new_username(free_name(name, self._taken))
        self._taken.add(name)
        return Meant(row, place, name)


def _reach(person: Person) -> frozenset[str]:
    return frozenset(filter(None, (person.phone, person.email)))


def _differ(one: Person | RosterRow, row: RosterRow) -> bool:
    """Whether both have a telephone or an address, and none that agrees."""
    phones = one.phone and row.phone and one.phone != row.phone
    emails = one.email and row.email and one.email != row.email
    return bool(phones or emails)


def _is_in(person: Person, place: Place) -> bool:
    if isinstance(place, NewUnit):
        return False
    return any(posting.unit_id == place.id for posting in person.postings)


def _called(person: Person) -> str:
    units = "、".join(
        dict.fromkeys(posting.unit.name for posting in person.postings if posting.to_on is None)
    )
    return f"{person.name}（{person.username}{f'，{units}' if units else ''}）"
