"""The rows that a file names: people, units, industries, sources, leads and milestones."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.names import folded
from crm.base.typed_dates import typed_date
from crm.base.usernames import ByUsername
from crm.base.value_class import value_class
from crm.leads.catalog import industries, offered
from crm.leads.catalog_models import CatalogKind, Site
from crm.leads.milestone_kinds import STAGE_CODES, milestone_kinds
from crm.leads.rules import FINAL, Stage
from crm.leads.sites import sites
from crm.people.models import Person
from crm.people.queries import UnitRow, at_work, unit_tree
from crm.people.rules import UnitKind


class Named(NamedTuple):
    """A person of a file."""

    id: int
    username: str
    is_offered: bool  # by forms, for what is new


@value_class
class People:
    """Everybody by account, as a known lead may name them; by name those whom forms offer."""

    by_username: ByUsername[Named]
    by_name: Mapping[str, list[Named]]

    def find(self, text: str, field: str) -> Named:
        """The person of that account, or the only one of that name.

        Refused as `unknown_person_in_file`, `ambiguous_person`.
        """
        if text in self.by_username:
            return self.by_username[text]
        found = self.by_name.get(folded(text), [])
        if len(found) == 1:
            return found[0]
        if found:
            accounts = "、".join(person.username for person in found)
            raise Refused("ambiguous_person", field=field, person=text, accounts=accounts)
        raise Refused("unknown_person_in_file", field=field, person=text)


@value_class
class Catalogs:
    """Units, industries, sources and side milestones, by code and by name."""

    units: Mapping[str, list[UnitRow]]
    industries: Mapping[str, str]  # to the code
    sources: Mapping[str, str]  # to the name
    kinds: Mapping[str, str]  # of milestones, to the code
    kind_names: Mapping[str, str]  # by code
    sites: Mapping[str, Site]
    words: Mapping[str, str]  # what a refusal offers, by field

    def unit(self, text: str, field: str) -> UnitRow:
        """The unit; refused as `unknown_unit`, `ambiguous_unit`."""
        return _only(self.units.get(folded(text), []), text, field)

    def park(self, text: str | None) -> UnitRow | None:
        """The park; refused as `unit` is, and as `not_a_park`."""
        if text is None:
            return None
        found = self.units.get(folded(text), [])
        parks = [unit for unit in found if unit.kind is UnitKind.PARK]
        if found and not parks:
            raise Refused("not_a_park", field="park", unit=text)
        return _only(parks, text, "park")

    def industry(self, text: str | None) -> str | None:
        """The code; refused as `unknown_word`."""
        return self._listed(self.industries, text, "industry")

    def source(self, text: str | None) -> str | None:
        """The name; a text of before there was a list is left as it is."""
        return self.sources.get(folded(text), text) if text else None

    def require_offered(self, source: str | None) -> None:
        """Refuse a source that a new lead may not have, as `unknown_word`."""
        self._listed(self.sources, source, "source")

    def _listed(self, rows: Mapping[str, str], text: str | None, field: str) -> str | None:
        if text is None:
            return None
        if folded(text) not in rows:
            raise Refused("unknown_word", field=field, value=text, allowed=self.words[field])
        return rows[folded(text)]

    def site(self, text: str) -> Site:
        """The site; refused as `unknown_word`."""
        if site := self.sites.get(folded(text)):
            return site
        raise Refused("unknown_word", field="sites", value=text, allowed=self.words["sites"])

    def require_offered_site(self, site: Site) -> None:
        """Refuse a site that is not offered any more, as `site` does."""
        if not site.is_offered:
            raise Refused(
                "unknown_word", field="sites", value=site.name, allowed=self.words["sites"]
            )

    def side_milestones(self, texts: Iterable[str]) -> list[tuple[str, date]]:
        """Codes and dates of texts like 供地 2026-03-01; refused as `bad_milestone`."""
        return self._dated(texts, "side_milestones", but=STAGE_CODES)

    def plans(self, texts: Iterable[str]) -> list[tuple[str, date]]:
        """The same of what is planned, stages of the line among them."""
        # nobody plans to park or lose a lead, and entering it begins it
        return self._dated(texts, "plans", but={*FINAL, Stage.LEAD})

    def _dated(
        self, texts: Iterable[str], field: str, *, but: AbstractSet[str]
    ) -> list[tuple[str, date]]:
        found = [self._milestone(text, field, but) for text in texts]
        codes = [code for code, _ in found]
        if twice := next((code for code in codes if codes.count(code) > 1), None):
            raise Refused("milestone_twice", field=field, kind=self.kind_names[twice])
        return found

    def _milestone(self, text: str, field: str, but: AbstractSet[str]) -> tuple[str, date]:
        # the name may hold blanks, so it is whatever stands before the date
        for place, char in enumerate(text):
            code = self.kinds.get(folded(text[:place].rstrip(" :：")))
            if code and code not in but and char.isdigit():
                try:
                    return code, typed_date(text[place:])
                except ValueError:
                    continue
        raise Refused("bad_milestone", field=field, text=text)


def people_named(db: Session, on: date) -> People:
    """All people, by name only those whom a form would offer on the date."""
    columns = (Person.id, Person.username, at_work(on).label("is_offered"), Person.name)
    found = [(Named(*row[:3]), row.name) for row in db.execute(select(*columns))]
    by_name: defaultdict[str, list[Named]] = defaultdict(list)
    for person, name in found:
        if person.is_offered:
            by_name[folded(name)].append(person)
    return People(ByUsername((person.username, person) for person, _ in found), by_name)


def catalogs(db: Session) -> Catalogs:
    """The lists as forms offer them."""
    units: defaultdict[str, list[UnitRow]] = defaultdict(list)
    for node in unit_tree(db):
        for text in {folded(node.unit.code), folded(node.unit.name)}:
            units[text].append(node.unit)

    of_industry, kinds = industries(db), milestone_kinds(db)
    sources, of_zone = offered(db, CatalogKind.SOURCE).values(), sites(db)
    return Catalogs(
        units,
        _by_code_and_name(of_industry),
        {folded(name): name for name in sources},
        _by_code_and_name(kinds.names),
        kinds.names,
        {folded(site.name): site for site in of_zone},
        {
            "industry": "、".join(of_industry.values()),
            "source": "、".join(sources),
            "sites": "、".join(site.name for site in of_zone if site.is_offered),
        },
    )


def _by_code_and_name(names: Mapping[str, str]) -> dict[str, str]:
    return {folded(text): code for code, name in names.items() for text in (code, name)}


def _only(found: Sequence[UnitRow], text: str, field: str) -> UnitRow:
    if not found:
        raise Refused("unknown_unit", field=field, unit=text)
    if len(found) > 1:
        codes = "、".join(unit.code for unit in found)
        raise Refused("ambiguous_unit", field=field, unit=text, codes=codes)
    return found[0]
