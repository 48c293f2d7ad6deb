"""What the zone says of its supervision orders, read once from seeds/supervision.yaml."""

from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).resolve().parents[2] / "seeds" / "supervision.yaml"


@cache
def code_word() -> str:
    """The word of the issuing office (机关代字) that stands before the number of an order."""
    return str(yaml.safe_load(_FILE.read_text("utf-8"))["code_word"])
