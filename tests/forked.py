"""`crm …` in a forked process, which spares the two seconds of a start."""

import os

import pytest

from tests.faults import running


@pytest.fixture
def fork(tmp_path_factory):
    """Fork `crm …` with nothing but these settings."""

    def fork(*words, arranged=(), **settings):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        return running.fork(words, clean | settings, tmp_path_factory.mktemp("fork"), arranged)

    yield fork
    running.bury()
