"""Which parts the start page has, and where they stand: by what a person sees and does."""

from enum import StrEnum

from crm.base.value_class import value_class
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS


class Part(StrEnum):
    """A part of the page; `templates/home/_<value>.html` shows it, or nothing if it is empty."""

    ATTENTION = "attention"
    BOARD = "board"
    DIGEST = "digest"
    FOLLOWUPS = "followups"
    NOTICES = "notices"
    ORDERS = "orders"
    QUOTAS = "quotas"
    TARGETS = "targets"
    VISITS = "visits"
    WAITING = "waiting"


@value_class
class Layout:
    """The parts in reading order: across the page, then in two columns, on a phone in one."""

    top: tuple[Part, ...]
    main: tuple[Part, ...]
    side: tuple[Part, ...]

    def __contains__(self, part: Part) -> bool:
        """Whether the page has the part."""
        return part in (*self.top, *self.main, *self.side)


OWN = (Part.QUOTAS, Part.VISITS, Part.NOTICES, Part.FOLLOWUPS)
# what a person does themselves comes first
OF_DOING = Layout((Part.QUOTAS, Part.WAITING), (Part.VISITS,), (Part.NOTICES, Part.FOLLOWUPS))
# who will miss a quota stands on the first screen, also of a phone
OF_JUDGING = Layout((), (Part.ATTENTION,), (Part.WAITING, *OWN))
OF_LEADING = Layout((), (Part.TARGETS, Part.ATTENTION), (Part.WAITING, Part.ORDERS, *OWN))
# REGIME 2: a reader has figures of units, and no records
OF_READING = Layout((), (Part.BOARD,), (Part.DIGEST, Part.TARGETS, Part.QUOTAS, Part.NOTICES))


def layout_of(me: Viewer) -> Layout:
    """The page of the viewer, whatever roles and duties they combine."""
    if me.role not in WITH_RECORDS:
        return OF_READING
    if not (me.oversees and me.unit_ids):
        return OF_DOING
    return OF_JUDGING if me.judges else OF_LEADING
