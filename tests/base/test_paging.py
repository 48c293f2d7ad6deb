"""Pages by keyset: they follow each other to the end of a list, and back."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.paging import page_of
from crm.leads.models import Lead
from tests.factories import make_lead

SIZE = 3


def walked(db, *, earliest_first, to_newer):
    """The ids page by page, and then those of the pages on the way back."""
    options = {"on": Lead.entered_on, "row_id": Lead.id, "size": SIZE}
    options["earliest_first"] = earliest_first
    page = page_of(db, select(Lead), **options)
    there, back = [page], []
    while cursor := (page.newer if to_newer else page.older):
        page = page_of(db, select(Lead), cursor=cursor, **options)
        there.append(page)
    while cursor := (page.older if to_newer else page.newer):
        page = page_of(db, select(Lead), cursor=cursor, **options)
        back.append(page)
    return [[[lead.id for lead in page.items] for page in way] for way in (there, back)]


@pytest.mark.parametrize("earliest_first", [False, True])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 9, 11])
def test_every_row_is_on_one_page_in_order_and_the_way_back_is_the_same(db, count, earliest_first):
    # two leads a day, so that pages also end between rows of one date
    leads = [
        make_lead(db, entered_on=date(2026, 5, 1) + n // 2 * timedelta(1)) for n in range(count)
    ]
    ids = [lead.id for lead in leads]

    there, back = walked(db, earliest_first=earliest_first, to_newer=earliest_first)

    assert [row for page in there for row in page] == (ids if earliest_first else ids[::-1])
    assert back == there[-2::-1]


def test_past_the_end_there_is_an_empty_page(db):
    lead = make_lead(db)

    page = page_of(
        db, select(Lead), on=Lead.entered_on, row_id=Lead.id, cursor=f"o_1990-01-01_{lead.id}"
    )

    assert (page.items, page.newer, page.older) == ([], None, None)
