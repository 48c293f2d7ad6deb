"""The norms of how fast projects should go, from seeds/speed.yaml (REGIME 1 and 6)."""

from collections.abc import Mapping
from functools import cache

from crm.base.seed_files import read_seeds
from crm.targets.speed import Norm


@cache
def norms() -> Mapping[tuple[str, str], Norm]:
    """The norms by their first and last milestone."""
    return {
        (row["begin"], row["end"]): Norm(row["months"], row["text"])
        for row in read_seeds("speed.yaml")
    }
