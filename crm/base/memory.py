"""Memory that a large file took, given back to the machine."""

import ctypes


def give_back() -> None:
    """Return free memory, which the C library would keep for the process."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # another libc may have none
    if trim:
        trim(0)
