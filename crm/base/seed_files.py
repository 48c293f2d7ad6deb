"""The seed data of the zone, which lies beside the code: data, not code."""

from typing import Any

from crm.base.shipped import SEEDS


def read_seeds(name: str) -> Any:
    """The content of a YAML file of seeds/, such as `demo/leads.yaml`."""
    import yaml  # noqa: PLC0415 - servers read no seeds

    return yaml.safe_load((SEEDS / name).read_text(encoding="utf-8"))
