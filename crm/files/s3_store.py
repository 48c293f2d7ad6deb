"""Attachments in a bucket of S3-compatible storage, each under its hash."""

import io
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any, BinaryIO, TypeVar

from crm.base.errors import Refused
from crm.base.s3_place import S3Place

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 20, 2
_HASH_LENGTH = 64
_log = logging.getLogger(__name__)
Value = TypeVar("Value")


class S3Store:
    """Files in a bucket. Where it cannot be used, all raise Refused `files_unavailable`."""

    def __init__(self, place: S3Place) -> None:
        self._place = place

    def keep(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        # An object appears whole or not at all. It is sent again where it is there already: that
        # renews its date, so that a sweep leaves it alone.
        self._ask(lambda client, at: client.put_object(**at, Body=content), digest)
        return digest

    def open(self, digest: str) -> BinaryIO:
        # read to its end before a response begins, which could not turn into an error any more
        return io.BytesIO(self._ask(_content, digest))

    def digests(self) -> Iterator[str]:
        for key in self._ask(lambda client, _: _keys(client, self._place)):
            digest = key[-_HASH_LENGTH:]
            # whatever else lies in the bucket is not ours
            if key == self._key(digest):
                yield digest

    def sweep(self, digest: str, *, before: datetime) -> bool:
        stored = self._ask(lambda client, at: client.head_object(**at), digest)
        if stored["LastModified"] >= before:
            return False
        self._ask(lambda client, at: client.delete_object(**at), digest)
        return True

    def tidy(self, *, before: datetime) -> int:
        return 0  # an object appears whole or not at all

    def check(self) -> None:
        """Make sure that the bucket is there and may be read."""
        self._ask(lambda client, _: client.list_objects_v2(Bucket=self._place.bucket, MaxKeys=1))

    def _key(self, digest: str) -> str:
        return f"{self._place.prefix}{digest[:2]}/{digest}"

    def _ask(self, request: Callable[[Any, dict[str, str]], Value], digest: str = "") -> Value:
        """The answer of the server; raises FileNotFoundError where there is no such file."""
        from botocore.exceptions import (  # noqa: PLC0415 - only where files lie in S3
            BotoCoreError,
            ClientError,
        )

        at = {"Bucket": self._place.bucket, "Key": self._key(digest)}
        try:
            return request(_client(self._place), at)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            # the answer to HEAD has no body, and so no code
            if code != "NoSuchBucket" and digest and status == HTTPStatus.NOT_FOUND:
                raise FileNotFoundError(digest) from error
            _log.error("s3 %s: %s", self._place, code)
            raise Refused("files_unavailable", field="file") from error
        except BotoCoreError as error:
            _log.error("s3 %s: %s", self._place, error)
            raise Refused("files_unavailable", field="file") from error


@lru_cache(maxsize=4)
def _client(place: S3Place) -> Any:
    """A client, which threads share; it takes 0.2 s to make."""
    from botocore.config import Config  # noqa: PLC0415 - as above
    from botocore.session import Session  # noqa: PLC0415 - as above

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        s3={"addressing_style": place.addressing.value},
        # compatible servers refuse the checksums that newer clients add
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return Session().create_client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint,
        aws_access_key_id=place.key,
        aws_secret_access_key=place.secret,
        config=config,
    )


def _content(client: Any, at: dict[str, str]) -> bytes:
    content: bytes = client.get_object(**at)["Body"].read()
    return content


def _keys(client: Any, place: S3Place) -> list[str]:
    pages = client.get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=place.bucket, Prefix=place.prefix)
    return [row["Key"] for page in found for row in page.get("Contents", ())]
