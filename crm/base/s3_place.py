"""Where in S3-compatible storage files lie, as the settings name it."""

from dataclasses import field
from enum import StrEnum

from crm.base.value_class import value_class

SCHEME = "s3://"


class Addressing(StrEnum):
    """Where a server expects the bucket's name: in the path, or in the name of the host."""

    PATH = "path"
    VIRTUAL = "virtual"


@value_class
class S3Place:
    """A bucket with a prefix at a server; `str` gives it without the keys."""

    bucket: str
    prefix: str  # empty, or ends with a slash
    endpoint: str
    region: str
    addressing: Addressing
    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}（{self.endpoint}）"


def bucket_and_prefix(address: str) -> tuple[str, str]:
    """The parts of `s3://bucket/prefix`; the bucket is empty where it is missing."""
    bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
    prefix = prefix.strip("/")
    return bucket, f"{prefix}/" if prefix else ""
