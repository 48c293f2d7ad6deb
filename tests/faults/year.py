"""A demonstration zone whose clock begins with a year: `python -m tests.faults.year 2026`."""

import sys
from datetime import date

from crm.base import clock
from crm.cli import base
from crm.cli.demo import write_scenario
from crm.cli.init import install
from crm.files.store import store_at
from crm.transactions import transaction

if __name__ == "__main__":
    year = int(sys.argv[1])
    with base.sessions() as sessions:
        install(sessions, clock_from=clock.at_civil(date(year, 1, 1)))
        with transaction(sessions) as db:
            store = store_at(base.settings().files_place)
            write_scenario(db, date(year, 7, 15), store, base.site())
