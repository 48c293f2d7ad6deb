"""Make all digests of a slot in the test's own transaction."""

from collections import Counter
from contextlib import nullcontext

from crm.digests.service import DigestRun, digest_batches


def make_digests(db, **run):
    """Write one batch after the other; how many digests were made."""
    counts = Counter()
    for batch in digest_batches(lambda: nullcontext(db), DigestRun(**run)):
        counts.update(batch.write(db))
    return counts
