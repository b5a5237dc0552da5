"""Acutance against a plain reading of its definition, and that it tells a blur from a smooth drawing."""

import cv2
import numpy as np
import pytest

from jobs.clean.measures.acutance import acutance


def plain(y: np.ndarray) -> float:
    steps = np.sort(np.abs(cv2.Laplacian(y, cv2.CV_16S))[1:-1, 1:-1].ravel())
    luma = np.sort(y[1:-1, 1:-1].ravel()).astype(int)
    spread = luma[int(np.ceil(0.99 * luma.size)) - 1] - luma[int(np.ceil(0.01 * luma.size)) - 1]
    return float(steps[int(np.ceil((1 - 0.0005) * steps.size)) - 1] / spread)


def soft_shape() -> np.ndarray:
    """A disc of one soft shade before a gradient: next to no detail, one sharp edge."""
    y, x = np.mgrid[:224, :398].astype(np.float32)
    picture = 60 + 0.1 * x + 0.1 * y
    picture[(x - 200) ** 2 + (y - 110) ** 2 < 60**2] += 50
    return picture.astype(np.uint8)


def texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(224, 398)).astype(np.float32)
    return np.clip(128 + 150 * cv2.GaussianBlur(noise, (0, 0), 1.0), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("y", [soft_shape(), texture(1), texture(2)[:57, :61].copy(), cv2.GaussianBlur(texture(3), (0, 0), 3)])
def test_it_is_what_its_definition_says(y):
    assert acutance(y) == pytest.approx(plain(y), abs=1e-12)


def test_a_full_step_is_one_and_contrast_does_not_matter():
    for low, high in ((0, 255), (100, 140)):
        y = np.full((100, 100), low, np.uint8)
        y[:, 50:] = high
        assert acutance(y) == 1.0


@pytest.mark.parametrize("sharp", [soft_shape(), texture(1)])
@pytest.mark.parametrize("percent", [1.5, 2, 4])
def test_blur_is_told_from_a_smooth_drawing(sharp, percent):
    blurred = cv2.GaussianBlur(sharp, (0, 0), 224 * percent / 100)
    assert acutance(blurred) < 0.16 < 0.24 < acutance(sharp)


@pytest.mark.parametrize("y", [np.zeros((50, 50), np.uint8), np.full((50, 50), 7, np.uint8), np.zeros((2, 9), np.uint8)])
def test_there_is_none_without_an_edge_to_look_at(y):
    assert np.isnan(acutance(y))
