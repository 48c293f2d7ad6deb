"""A row that a list of a form offers, and how many rows it offers."""

from crm.base.value_class import value_class

MOST_LIKELY = 12  # in the page itself
MOST_FOUND = 20  # for a text
MOST_SOUGHT = 200  # characters of that text: SQLite refuses a pattern of 50,000 bytes


@value_class
class Choice:
    """A person or lead to choose."""

    id: int
    text: str
    note: str | None  # the unit or company, which tells rows of one name apart
    search: str = ""  # what it is found by within the list
