"""Cities of the country, from the data of GB/T 2260 that python-stdnum carries."""

import re
from functools import cache
from importlib.resources import files

LONGEST = 8  # characters of a city's name that companies begin with
# "[-1980]旅大市,[1981-]大连市": one code's names in turn
_NAME = re.compile(r'[",](?:\[\d*-(?P<until>\d*)\])?(?P<city>[^",\[\]]+?)(?:市|特别行政区)(?=[",])')


@cache
def cities() -> frozenset[str]:
    """Prefecture- and county-level cities, without 市; former ones are left out."""
    text = (files("stdnum") / "cn" / "loc.dat").read_text()
    return frozenset(found["city"] for found in _NAME.finditer(text) if not found["until"])


def city_named(company: str) -> str:
    """The city with which the name of a company begins; empty without one."""
    lengths = range(LONGEST, 1, -1)
    return next((company[:n] for n in lengths if company[:n] in cities()), "")
