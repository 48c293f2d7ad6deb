"""People and units, as forms offer them to everybody: for names and codes in other requests."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from crm.api.call import Call
from crm.api.models import Listed, Listing, Shown
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.people.directory import PersonLine, colleagues_page, person_lines
from crm.people.queries import unit_tree
from crm.people.rules import Duty, Role, UnitKind

people = Resource("people", "人员和单位")


class PeopleQuery(Listed):
    text: Annotated[str, Field(max_length=100)] = Field("", description="姓名、拼音、账号或单位")


class ColleagueShown(Shown):
    username: str
    name: str
    unit: str | None = Field(description="主要任职单位的编号")
    duty: Duty | None


class CallerShown(ColleagueShown):
    """In whose name a token speaks."""

    role: Role


class UnitShown(Shown):
    code: str
    name: str
    kind: UnitKind
    parent: str | None = Field(description="上级单位的编号")


class Units(Shown):
    """All units, each after the one that it belongs to."""

    items: list[UnitShown]


@people.get("/people", "在岗人员，按姓名")
def listing(call: Call, query: PeopleQuery) -> Listing[ColleagueShown]:
    page = colleagues_page(
        call.db, call.on, text=query.text, cursor=place_of(call, query), size=query.limit
    )
    return listed(call, query, page, _show, earliest_first=True)


@people.get("/me", "令牌所属的人员")
def me(call: Call) -> CallerShown:
    [shown] = _show(person_lines(call.db, [call.person], call.on))
    return CallerShown(**shown.model_dump(), role=call.person.role)


@people.get("/units", "全部单位")
def units(call: Call) -> Units:
    rows = [node.unit for node in unit_tree(call.db)]
    codes = {unit.id: unit.code for unit in rows}
    return Units(
        items=[
            UnitShown(
                code=unit.code,
                name=unit.name,
                kind=unit.kind,
                parent=codes[unit.parent_id] if unit.parent_id else None,
            )
            for unit in rows
        ]
    )


def _show(lines: Sequence[PersonLine]) -> list[ColleagueShown]:
    return [
        ColleagueShown(
            username=line.person.username,
            name=line.person.name,
            unit=line.unit_code or None,
            duty=line.duty,
        )
        for line in lines
    ]
