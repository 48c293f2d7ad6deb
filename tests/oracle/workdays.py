"""The working calendar of 2025 to 2027, written out by hand."""

from datetime import date

# (month, first, last) of the days off that the State Council decided, and the make-up days.
DAYS_OFF = {
    2025: (
        (1, 1, 1),
        (1, 28, 31),
        (2, 1, 4),
        (4, 4, 6),
        (5, 1, 5),
        (5, 31, 31),
        (6, 1, 2),
        (10, 1, 8),
    ),
    2026: ((1, 1, 3), (2, 15, 23), (4, 4, 6), (5, 1, 5), (6, 19, 21), (9, 25, 27), (10, 1, 7)),
    # Not decided yet: the 13 statutory dates alone, none in lieu.
    2027: ((1, 1, 1), (2, 5, 8), (4, 5, 5), (5, 1, 2), (6, 9, 9), (9, 15, 15), (10, 1, 3)),
}
MAKE_UP_DAYS = {
    date(2025, 1, 26),
    date(2025, 2, 8),
    date(2025, 4, 27),
    date(2025, 9, 28),
    date(2025, 10, 11),
    date(2026, 1, 4),
    date(2026, 2, 14),
    date(2026, 2, 28),
    date(2026, 5, 9),
    date(2026, 9, 20),
    date(2026, 10, 10),
}


def is_library_workday(on: date) -> bool:
    """The working calendar of 2025 and 2026, and the estimate for 2027, written out by hand."""
    if on in MAKE_UP_DAYS:
        return True
    if any(
        month == on.month and first <= on.day <= last for month, first, last in DAYS_OFF[on.year]
    ):
        return False
    return on.isoweekday() <= 5
