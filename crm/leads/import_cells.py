"""The cells of a row of leads as typed values."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, create_model
from pydantic_core import PydanticCustomError

from crm.base.cells import (
    Cells,
    DayOrNone,
    Line,
    LineOrEmpty,
    LineOrNone,
    Phone,
    ProseOrNone,
    Values,
    one_of,
)
from crm.base.errors import Refused
from crm.base.money import Currency, Stated, parse_amount
from crm.base.value_class import value_class
from crm.leads.fields import OTHER_AMOUNTS, STAGE_DATES
from crm.leads.rules import Agreement, Secrecy, Stage


@value_class
class Figure:
    """An amount as it is written in a cell."""

    value: Decimal
    currency: Currency | None  # none: the cell names none, as in 12.5亿 or 80000000


def _figure(text: str) -> Figure | None:
    if not text:
        return None

    plain = text.replace(",", "").replace("，", "")
    try:
        return Figure(Decimal(plain), None)
    except ArithmeticError:
        pass

    try:
        value, currency = parse_amount(text)
    except ValueError as error:
        raise PydanticCustomError("bad_figure", "bad_figure") from error
    return Figure(value, currency if _names_currency(text) else None)


def _names_currency(text: str) -> bool:
    try:
        parse_amount(f"{text}{Currency.USD.label}")
    except ValueError:
        return True
    return False


class _LeadCells(Cells):
    ref: LineOrEmpty
    company: Line
    credit_code: LineOrNone
    title: Line
    stage: Annotated[Stage | None, one_of(Stage)]
    industry: LineOrNone
    park: LineOrNone
    source: LineOrNone
    amount: Annotated[Figure | None, BeforeValidator(_figure)]
    currency: Annotated[Currency | None, one_of(Currency)]
    unit: LineOrNone
    tracker: LineOrNone
    leader: LineOrNone
    contact: LineOrNone
    contact_phone: Phone
    entered_on: DayOrNone
    note: ProseOrNone
    contact_position: LineOrNone = None
    secrecy: Annotated[Secrecy | None, one_of(Secrecy)] = None
    code_name: LineOrNone = None
    group: LineOrNone = None
    project_company: LineOrNone = None
    project_company_code: LineOrNone = None
    assisting_units: Values = ()
    stated_on: DayOrNone = None
    earlier: LineOrNone = None
    side_milestones: Values = ()
    plans: Values = ()
    sites: Values = ()
    agreement: Annotated[Agreement | None, one_of(Agreement)] = None
    stopped_on: DayOrNone = None
    stop_reason: LineOrNone = None
    look_again_on: DayOrNone = None
    task_force_head: LineOrNone = None
    task_force: Values = ()


_of_stages: dict[str, Any] = dict.fromkeys(STAGE_DATES, (DayOrNone, None))
_of_amounts: dict[str, Any] = {
    name: cell
    for kind in OTHER_AMOUNTS
    for name, cell in (
        (kind.value, (Annotated[Figure | None, BeforeValidator(_figure)], None)),
        (f"{kind.value}_currency", (Annotated[Currency | None, one_of(Currency)], None)),
    )
}
LeadCells = create_model("LeadCells", __base__=_LeadCells, **_of_stages, **_of_amounts)


def stated(row: _LeadCells, column: str, currency_column: str) -> Stated | None:
    """The amount of a row with its currency, which either cell may name; yuan where none does.

    Refused as `currency_disagrees`.
    """
    figure: Figure | None = getattr(row, column)
    currency: Currency | None = getattr(row, currency_column)
    if figure is None:
        return None
    if currency and figure.currency and currency is not figure.currency:
        raise Refused("currency_disagrees", field=column)
    return figure.value, figure.currency or currency or Currency.CNY
