"""The voice detector: silero-vad at 16 kHz, its weights read from the ONNX of the wheel and run as matrix products.

The graph is small: a spectrum by 258 filters (a windowed Fourier transform, and done as one), four convolutions over the four steps of a window, an LSTM of 128 cells and one output.
onnxruntime spends three quarters of its time in convolutions of so few steps; the same sums as products of matrices over many
windows at a time take less than a third of it, and give its probabilities within 0.0001.
"""

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.media.kernel import kernel

Floats = NDArray[np.float32]
RATE_HZ, CHUNK, CONTEXT = 16_000, 512, 64
"""A probability is of CHUNK samples, seen with the CONTEXT samples before them."""
CELLS = 128
_FFT, _HOP, _BINS, _STEPS = 256, 128, 129, 4
_SHAPES = {
    "stft.forward_basis_buffer": (2 * _BINS, 1, _FFT), "encoder.0.weight": (128, _BINS, 3), "encoder.1.weight": (64, 128, 3),
    "encoder.2.weight": (64, 64, 3), "encoder.3.weight": (128, 64, 3), "output.weight": (1, CELLS, 1),
}


class Voice:
    """Probabilities of speech for one stream of sound, piece after piece."""

    def __init__(self) -> None:
        self.hidden, self.cell = np.zeros(CELLS, np.float32), np.zeros(CELLS, np.float32)

    def speech(self, windows: Floats) -> Floats:
        """Probability of speech of each of [n, CONTEXT + CHUNK] samples, the next n chunks of the stream: [n]."""
        w, count = weights(), len(windows)
        mixed = _mixed(cv2.dft(_frames(windows, w["window"]), flags=cv2.DFT_ROWS))
        first = _unmixed(np.matmul(mixed, w["mixed"]), w["bias0"])
        second = _layer(_taken(first, 2, 2), w, 1).reshape(count, 2 * 64)
        fourth = _layer(_layer(second, w, 2), w, 3)
        found: Floats = _remember(fourth @ w["input"] + w["gates"], w["recurrent"], w["output"], self.hidden, self.cell)
        return found


@kernel("float32[:, ::1](Array(float32, 2, 'A', readonly=True), Array(float32, 1, 'C', readonly=True))")
def _frames(windows: Any, shape: Any) -> Any:
    """The _STEPS frames of each window, one below the other, weighted; the end of a window is mirrored beyond it."""
    frames, size = np.empty((len(windows) * _STEPS, _FFT), np.float32), CONTEXT + CHUNK
    line = np.empty(size + CONTEXT, np.float32)
    for i in range(len(windows)):
        line[:size] = windows[i]
        for k in range(CONTEXT):
            line[size + k] = line[size - 2 - k]
        for step in range(_STEPS):
            row, part = frames[i * _STEPS + step], line[step * _HOP:step * _HOP + _FFT]
            for k in range(_FFT):
                row[k] = part[k] * shape[k]
    return frames


_MIX = np.array([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]])
"""Winograd's F(4, 3): a convolution of three over the four steps of a window (and a zero at either end) takes six products of mixed steps with
mixed weights, and not twelve (Lavin and Gray 2015, by the points 0, 1, -1, 2, -2)."""


@kernel("float32[:, :, ::1](Array(float32, 2, 'C', readonly=True))")
def _mixed(spectra: Any) -> Any:
    """Magnitudes of spectra as OpenCV packs them (the first, real and imaginary parts in turn, the last), the steps of a window mixed:
    [mixtures, windows, bins]."""
    count = len(spectra) // _STEPS
    out, steps = np.empty((len(_MIX), count, _BINS), np.float32), np.empty((_STEPS, _BINS), np.float32)
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for i in range(count):
        for step in range(_STEPS):
            packed, row = spectra[i * _STEPS + step], steps[step]
            row[0], row[_BINS - 1] = abs(packed[0]), abs(packed[_FFT - 1])
            for k in range(1, _BINS - 1):
                row[k] = np.sqrt(packed[2 * k - 1] ** 2 + packed[2 * k] ** 2)
        a, b, c, d = steps[0], steps[1], steps[2], steps[3]
        p, q, r, s, t, u = out[0, i], out[1, i], out[2, i], out[3, i], out[4, i], out[5, i]
        for k in range(_BINS):
            p[k] = d[k] - five * b[k]
            q[k] = c[k] + d[k] - four * (a[k] + b[k])
            r[k] = d[k] - c[k] + four * (a[k] - b[k])
            s[k] = d[k] - b[k] + two * (c[k] - a[k])
            t[k] = d[k] - b[k] - two * (c[k] - a[k])
            u[k] = four * a[k] - five * c[k]
    return out


@kernel("float32[:, :, ::1](Array(float32, 3, 'C', readonly=True), Array(float32, 1, 'C', readonly=True))")
def _unmixed(products: Any, bias: Any) -> Any:
    """The first layer of these products: [windows, steps, channels], a step of zeros before those of a window."""
    _, count, width = products.shape
    out, zero = np.zeros((count, 1 + _STEPS, width), np.float32), np.float32(0)
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    for i in range(count):
        p, q, r, s, t, u = products[0, i], products[1, i], products[2, i], products[3, i], products[4, i], products[5, i]
        first, second, third, fourth = out[i, 1], out[i, 2], out[i, 3], out[i, 4]
        for k in range(width):
            near, apart, far, wide = q[k] + r[k], q[k] - r[k], s[k] + t[k], s[k] - t[k]
            first[k] = max(p[k] + near + far + bias[k], zero)
            second[k] = max(apart + two * wide + bias[k], zero)
            third[k] = max(near + four * far + bias[k], zero)
            fourth[k] = max(apart + eight * wide + u[k] + bias[k], zero)
    return out


def _taken(steps: Floats, count: int, stride: int) -> Floats:
    """Three steps side by side, `count` times: the rows that a convolution of three multiplies with its weights."""
    n, _, width = steps.shape
    a, b, c = steps.strides
    return np.lib.stride_tricks.as_strided(steps, (n, count, 3 * width), (a, stride * b, c)).reshape(-1, 3 * width)


def _layer(rows: Floats, w: dict[str, Floats], number: int) -> Floats:
    made: Floats = rows @ w[f"weight{number}"]
    made += w[f"bias{number}"]
    return np.maximum(made, 0, out=made)


@kernel(None)
def _tanh(x: Any) -> Any:
    """Hyperbolic tangent as a quotient of polynomials (Eigen's, which onnxruntime uses too), 1e-6 near; loops over it become vectors."""
    x = min(max(x, np.float32(-7.905)), np.float32(7.905))
    s = x * x
    above = np.float32(-2.76076847742355e-16) * s + np.float32(2.00018790482477e-13)
    for c in (np.float32(-8.60467152213735e-11), np.float32(5.12229709037114e-08), np.float32(1.48572235717979e-05),
              np.float32(6.37261928875436e-04), np.float32(4.89352455891786e-03)):
        above = above * s + c
    below = np.float32(1.19825839466702e-06) * s + np.float32(1.18534705686654e-04)
    for c in (np.float32(2.26843463243900e-03), np.float32(4.89352518554385e-03)):
        below = below * s + c
    return x * above / below


@kernel("float32[::1](float32[:, ::1], Array(float32, 2, 'C', readonly=True), Array(float32, 1, 'C', readonly=True), "
        "float32[::1], float32[::1])")
def _remember(inputs: Any, recurrent: Any, output: Any, hidden: Any, cell: Any) -> Any:
    """The LSTM and the output for window after window: gates in the order of ONNX, input, output, forget, cell."""
    half = np.float32(0.5)
    speech, gates, squashed = np.zeros(len(inputs), np.float32), np.zeros(4 * CELLS, np.float32), np.zeros(4 * CELLS, np.float32)
    for i in range(len(inputs)):
        gates[:] = inputs[i]
        for k in range(0, CELLS, 4):
            a, b, c, d = hidden[k], hidden[k + 1], hidden[k + 2], hidden[k + 3]
            for g in range(4 * CELLS):
                gates[g] += a * recurrent[k, g] + b * recurrent[k + 1, g] + c * recurrent[k + 2, g] + d * recurrent[k + 3, g]
        for g in range(3 * CELLS):
            squashed[g] = half + half * _tanh(half * gates[g])
        for g in range(3 * CELLS, 4 * CELLS):
            squashed[g] = _tanh(gates[g])
        for k in range(CELLS):
            cell[k] = squashed[2 * CELLS + k] * cell[k] + squashed[k] * squashed[3 * CELLS + k]
            hidden[k] = squashed[CELLS + k] * _tanh(cell[k])
        total = output[CELLS]
        for k in range(CELLS):
            total += max(hidden[k], np.float32(0)) * output[k]
        speech[i] = half + half * _tanh(half * total)
    return speech


@cache
def weights() -> dict[str, Floats]:
    """Of the model, laid out for the products above.

    Raises:
        ModuleNotFoundError: silero-vad is not installed.
        ValueError: its file holds a model of another form.
    """
    found = importlib.util.find_spec("silero_vad")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("silero-vad is not installed; it is among the requirements of reelmill")
    path = Path(found.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    held = _initializers(path.read_bytes())
    wrong = [name for name, shape in _SHAPES.items() if name not in held or held[name].shape != shape]
    memory = sorted(name for name in held if "LSTM" in name)
    if wrong or [held[name].shape for name in memory] != [(1, 512, CELLS), (1, 512, CELLS), (1, 1024)]:
        raise ValueError(f"{path} holds another model than silero-vad 6: {', '.join(wrong or memory)}")
    basis = held["stft.forward_basis_buffer"][:, 0]
    turns = np.exp(-2j * np.pi * np.outer(np.arange(_BINS), np.arange(_FFT)) / _FFT)
    if np.abs(np.concatenate([turns.real, turns.imag]) * basis[0] - basis).max() > 1e-5:
        raise ValueError(f"{path} holds another model than silero-vad 6: its spectrum is no windowed Fourier transform")
    inputs, recurrent, biases = (held[name][0] for name in memory)
    laid = {f"weight{i}": held[f"encoder.{i}.weight"].transpose(2, 1, 0) for i in range(1, 4)}
    laid["weight2"], laid["weight3"] = laid["weight2"][1:], laid["weight3"][1]  # the other taps see only padding
    made: dict[str, Any] = {name: value.reshape(-1, value.shape[-1]) for name, value in laid.items()}
    made |= {f"bias{i}": held[f"encoder.{i}.bias"] for i in range(4)}
    made |= {"window": basis[0], "input": inputs.T, "recurrent": recurrent.T,
             "gates": biases[:512] + biases[512:], "output": np.append(held["output.weight"], held["output.bias"])}
    made["mixed"] = np.einsum("mk,oik->mio", _MIX, held["encoder.0.weight"].astype(np.float64))
    return {name: np.ascontiguousarray(value, np.float32) for name, value in made.items()}


def _initializers(model: bytes) -> dict[str, Floats]:
    """Named arrays of float32 of an ONNX file: field 7 of the model is its graph, field 5 of that an array (dimensions 1, type 2, name 8,
    bytes 9)."""
    graph = next(value for number, value in _fields(memoryview(model)) if number == 7)
    held = {}
    for tensor in (value for number, value in _fields(graph) if number == 5):
        parts = list(_fields(tensor))
        if (2, 1) in parts:
            name, raw = (next(bytes(value) for number, value in parts if number == wanted) for wanted in (8, 9))
            held[name.decode()] = np.frombuffer(raw, np.float32).reshape([value for number, value in parts if number == 1])
    return held


def _fields(message: Any) -> Iterator[tuple[int, Any]]:
    """Number and value of every field of a protobuf message."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte: int = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
        else:
            length = number() if key & 7 == 2 else {1: 8, 5: 4}[key & 7]
            at += length
            yield key >> 3, message[at - length:at]
