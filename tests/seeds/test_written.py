"""The demonstration zone as it is written through the services, on both databases."""

import pytest

from crm.base.mail import Site
from crm.cli import seeds
from crm.cli.demo import write_scenario
from crm.files.store import FolderStore
from tests.seeds.written import DAY, NOW, everything_is_there

SITE = Site("https://crm.test", "crm@crm.test")


@pytest.mark.slow  # test_commands.py sees the same of what `crm demo` made, on SQLite
def test_the_zone_is_in_the_database_as_it_is_told(db, tmp_path):
    seeds.plant(db, now=NOW)

    write_scenario(db, DAY, FolderStore(tmp_path), SITE)

    everything_is_there(db)
