"""What the tests of visit pages share; each says itself who Li Na is."""

import pytest

from tests.factories import sign_in


@pytest.fixture
def at_linas(app, lina):
    return sign_in(app, "lina")
