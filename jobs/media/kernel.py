"""Compiles a loop over pixels or samples to machine code, once per machine: numba with the signature given, cached on disk (`jobs.cache`).

The signature is given so that everything is compiled on import: a confined process could not write the cache later.
"""

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(signature: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for functions in the subset of Python that numba compiles; releases the interpreter lock while it runs.

    None for a part of other kernels, which is compiled with them and never called from Python.
    """
    compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = njit(signature, cache=True, nogil=True, fastmath={"contract", "reassoc"})
    return compiled
