"""A process that handles pictures for days gives their memory back.

The C library of most Linux systems (glibc) learns from the first pictures that are freed to keep such pieces for the
next ones, between everything else; with many threads that is most of the process's memory after an hour. A fixed bound
lets it return every large piece at once. Elsewhere nothing has to be done.
"""

import ctypes
import sys

#: `M_MMAP_THRESHOLD` of mallopt(3), and the size in bytes from which on a piece is returned when it is freed.
_THRESHOLD, _LARGE = -3, 1 << 20


def settle() -> bool:
    """Set the bound for this process; whether there was something to set."""
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL("libc.so.6").mallopt(_THRESHOLD, _LARGE))
    except (OSError, AttributeError):
        return False  # another C library
