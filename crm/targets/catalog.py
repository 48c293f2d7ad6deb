"""The norms of how fast projects should go, from seeds/speed.yaml (REGIME 1 and 6)."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from crm.leads.rules import MilestoneKind
from crm.targets.speed import Norm

_FILE = Path(__file__).resolve().parents[2] / "seeds" / "speed.yaml"


@cache
def norms() -> Mapping[tuple[MilestoneKind, MilestoneKind], Norm]:
    """The norms by their first and last milestone."""
    return {
        (MilestoneKind(row["begin"]), MilestoneKind(row["end"])): Norm(row["months"], row["text"])
        for row in yaml.safe_load(_FILE.read_text("utf-8"))
    }
