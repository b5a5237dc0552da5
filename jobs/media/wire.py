"""Plain values as bytes, between the sandbox and its child: JSON with the long binary parts behind it.

Not pickle: a child that was taken over by a hostile file can send what it likes, and nothing it sends may run in the parent.
Knows None, bool, int, float, str, bytes, lists, tuples (arrive as lists), dicts with string keys, and NumPy arrays of numbers.
"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_BYTES = 2 << 30
"""A longer message is refused."""
_HEAD = struct.Struct("<QQ")
_BLOB, _ARRAY = "\0blob", "\0array"
_KINDS = frozenset("biuf")


class WireError(ValueError):
    """A message that does not hold."""


def pack(value: Any) -> bytes:
    """The value as one message."""
    blobs: list[bytes] = []
    text = json.dumps(_plain(value, blobs), separators=(",", ":")).encode()
    header = json.dumps([len(blob) for blob in blobs]).encode() + b"\n" + text
    return b"".join((_HEAD.pack(len(header), sum(map(len, blobs))), header, *blobs))


def unpack(read: Callable[[int], bytes]) -> Any:
    """The next message; `read(n)` returns exactly n bytes or raises EOFError.

    Raises:
        WireError: malformed or longer than MAX_BYTES.
    """
    header_size, blob_size = _HEAD.unpack(read(_HEAD.size))
    if header_size + blob_size > MAX_BYTES:
        raise WireError(f"a message of {header_size + blob_size} bytes is over the limit of {MAX_BYTES}")
    header, body = read(header_size), read(blob_size)
    try:
        sizes_text, text = header.split(b"\n", 1)
        sizes = json.loads(sizes_text)
        blobs, at = [], 0
        for size in sizes:
            if not isinstance(size, int) or size < 0 or at + size > blob_size:
                raise WireError("a part reaches beyond its message")
            blobs.append(body[at:at + size])
            at += size
        return _rich(json.loads(text), blobs)
    except (ValueError, TypeError, IndexError, KeyError, RecursionError) as error:
        raise WireError(f"malformed message: {error}") from None


def _plain(value: Any, blobs: list[bytes]) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        blobs.append(bytes(value))
        return {_BLOB: len(blobs) - 1}
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _KINDS:
            raise WireError(f"arrays of {value.dtype} are not sent")
        blobs.append(np.ascontiguousarray(value).tobytes())
        return {_ARRAY: [len(blobs) - 1, value.dtype.str, list(value.shape)]}
    if isinstance(value, (list, tuple)):
        return [_plain(item, blobs) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) and not key.startswith("\0") for key in value):
            raise WireError("keys must be strings")
        return {key: _plain(item, blobs) for key, item in value.items()}
    raise WireError(f"a {type(value).__name__} is not sent")


def _rich(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, list):
        return [_rich(item, blobs) for item in value]
    if not isinstance(value, dict):
        return value
    if _BLOB in value:
        return blobs[value[_BLOB]]
    if _ARRAY in value:
        index, name, shape = value[_ARRAY]
        dtype = np.dtype(str(name))
        if dtype.kind not in _KINDS or math.prod(shape) * dtype.itemsize != len(blobs[index]):
            raise WireError("an array does not fit its shape")
        return np.frombuffer(blobs[index], dtype).reshape(shape)
    return {key: _rich(item, blobs) for key, item in value.items()}
