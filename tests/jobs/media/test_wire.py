"""Values survive the way between processes; nonsense is an error and nothing else."""

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.media.wire import WireError, pack, unpack


def through(data: bytes) -> object:
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        got = stream.read(size)
        if len(got) != size:
            raise EOFError
        return got

    return unpack(read)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1).filter(lambda k: k[0] != "\0"), inner, max_size=4)
    ),
)


@given(VALUES)
def test_plain_values_come_back(value: object) -> None:
    assert through(pack(value)) == value


@pytest.mark.parametrize("dtype", ["<u1", "<i2", "<u8", "<f4", "<f8", "|b1"])
def test_arrays_come_back(dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    back = through(pack({"a": array, "n": math.inf}))
    assert back["a"].dtype == array.dtype
    assert np.array_equal(back["a"], array)
    assert back["n"] == math.inf


@given(st.binary(max_size=200))
def test_noise_is_an_error_and_never_an_object(data: bytes) -> None:
    try:
        through(data)
    except (WireError, EOFError):
        return
    assert through(data) is not NotImplemented


@given(st.integers(0, 120), st.integers(1, 255))
def test_a_flipped_byte_is_an_error_or_a_plain_value(at: int, flip: int) -> None:
    data = bytearray(pack({"a": np.arange(6, dtype=np.float32), "b": b"xyz", "c": [1, None]}))
    data[at % len(data)] ^= flip
    try:
        back = through(bytes(data))
    except (WireError, EOFError, OverflowError, MemoryError):
        return
    assert isinstance(back, (dict, list, str, bytes, int, float, bool, type(None), np.ndarray))


@pytest.mark.parametrize("value", [object(), {1: 2}, {"\0blob": 1}, np.array(["x"]), {"x": {1, 2}}])
def test_other_things_are_not_sent(value: object) -> None:
    with pytest.raises(WireError):
        pack(value)


def test_objects_are_never_unpickled() -> None:
    header = b'[8]\n{"\\u0000array":[0,"|O",[1]]}'
    with pytest.raises(WireError):
        through(len(header).to_bytes(8, "little") + (8).to_bytes(8, "little") + header + b"\0" * 8)
