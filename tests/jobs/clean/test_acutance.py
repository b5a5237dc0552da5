"""Acutance against a plain reading of its definition, and that it tells a blur from a smooth drawing."""

import cv2
import numpy as np
import pytest

from jobs.clean.measures.acutance import acutance


def range_of(luma: np.ndarray) -> int:
    most, all_but_few = (luma[int(np.ceil((1 - share) * luma.size)) - 1] - luma[int(np.ceil(share * luma.size)) - 1] for share in (0.001, 0.01))
    return int(max(all_but_few, round(most * 2 / 3)))


def plain(y: np.ndarray) -> float:
    steps = np.sort(np.abs(cv2.Laplacian(y, cv2.CV_16S))[1:-1, 1:-1].ravel())
    luma = np.sort(y[1:-1, 1:-1].ravel()).astype(int)
    spread = range_of(luma)
    edge = int(steps[int(np.ceil((1 - 0.0005) * steps.size)) - 1])
    return float(np.sqrt(max(edge**2 - 4**2, 0)) / spread)


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
    assert acutance(y) == pytest.approx(min(plain(y), directed(y)), abs=1e-12)


def directed(y: np.ndarray) -> float:
    """The rule for one direction, read plainly."""
    luma, y = np.sort(y[1:-1, 1:-1].ravel()).astype(int), y.astype(int)
    spread = range_of(luma)
    rows, columns = np.meshgrid(np.arange(4, y.shape[0] - 4, 2), np.arange(4, y.shape[1] - 4), indexing="ij")
    x, z = (cv2.Sobel(y.astype(np.float64), cv2.CV_64F, *order)[rows, columns] for order in ((1, 0), (0, 1)))
    facing = np.where(abs(z) <= 0.414 * abs(x), 0, np.where(abs(x) <= 0.414 * abs(z), 2, np.where((x > 0) == (z > 0), 1, 3)))
    near = abs(y[rows, columns + 1] - y[rows, columns - 1]) + abs(y[rows + 1, columns] - y[rows - 1, columns]) >= 0.04 * spread
    soft = np.full(4, np.inf)
    for k, (down, right, far) in enumerate(((0, 1, 4), (1, 1, 3), (1, 0, 4), (-1, 1, 3))):
        ahead, behind = y[rows + down, columns + right], y[rows - down, columns - right]
        these = (facing == k) & near & (5 * abs(ahead - behind) >= 0.2 * spread)
        rise = np.minimum(abs(y[rows + far * down, columns + far * right] - y[rows - far * down, columns - far * right]), 5 * abs(ahead - behind))
        if np.count_nonzero(these & (rise >= 0.2 * spread)) > 0.002 * rows.size:
            steps = np.sort(abs(ahead + behind - 2 * y[rows, columns])[these])
            soft[k] = steps[int(np.ceil(steps.size - 0.0002 * rows.size)) - 1] / spread
    if not np.isfinite(soft).any():
        return np.inf
    least = min(max(soft[k], 0.5 * min(soft[k - 1], soft[(k + 1) % 4])) for k in range(4))
    return 2 * least if least <= 0.5 * soft[np.isfinite(soft)].max() else np.inf


@pytest.mark.parametrize("degrees", [0, 30, 90, 140])
def test_a_direction_is_what_its_definition_says(degrees):
    y = shaken(things(4), 15, degrees)
    assert acutance(y) == pytest.approx(directed(y), abs=1e-12)
    assert acutance(y) < plain(y)


def test_a_full_step_is_one_and_contrast_does_not_matter():
    for low, high in ((0, 255), (100, 140)):
        y = np.full((100, 100), low, np.uint8)
        y[:, 50:] = high
        assert acutance(y) == pytest.approx(1.0, abs=0.006)


@pytest.mark.parametrize("sharp", [soft_shape(), texture(1)])
@pytest.mark.parametrize("percent", [1.5, 2, 4])
def test_blur_is_told_from_a_smooth_drawing(sharp, percent):
    blurred = cv2.GaussianBlur(sharp, (0, 0), 224 * percent / 100)
    assert acutance(blurred) < 0.16 < 0.24 < acutance(sharp)


@pytest.mark.parametrize("percent", [1, 2, 4])
@pytest.mark.parametrize("grey", [110, 240])
def test_a_small_thing_before_the_sky_is_sharp_or_blurred(percent, grey):
    """It has less than a hundredth of the picture, which else has a range of less than 20."""
    sky = np.tile(np.linspace(150, 165, 224, dtype=np.float32)[:, None], (1, 398))
    sky[100:114, 180:200] = grey
    assert acutance(sky.astype(np.uint8)) > 0.5
    assert acutance(cv2.GaussianBlur(sky, (0, 0), 2.24 * percent).astype(np.uint8)) < 0.22


@pytest.mark.parametrize("spread", [25, 30])
def test_what_coding_leaves_of_a_flat_picture_is_no_edge(spread):
    def coded(picture):
        """As JPEG, of which the middle 98 % have this spread."""
        low, high = np.percentile(picture, [1, 99])
        flat = np.clip((picture - low) / (high - low) * spread + 110, 0, 255).round().astype(np.uint8)
        return cv2.imdecode(cv2.imencode(".jpg", flat, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_GRAYSCALE)

    soft = cv2.GaussianBlur(texture(1).astype(np.float32), (0, 0), 224 * 0.015)
    assert acutance(coded(soft)) < 0.22
    assert acutance(coded(texture(1).astype(np.float32))) > 0.33


def shaken(y: np.ndarray, length: int, degrees: float) -> np.ndarray:
    """A blur in one direction."""
    size, turn = 2 * length + 1, np.radians(degrees)
    kernel, reach = np.zeros((8 * size, 8 * size), np.float32), 4 * length * np.array([np.cos(turn), np.sin(turn)])
    ends = [tuple((4 * size + way * reach).round().astype(int).tolist()) for way in (-1, 1)]
    cv2.line(kernel, *ends, 1.0, 6)
    kernel = cv2.resize(kernel, (size, size), interpolation=cv2.INTER_AREA)
    return cv2.filter2D(y, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def things(seed: int) -> np.ndarray:
    """Flat shapes before one another: edges that face every way."""
    random, y = np.random.default_rng(seed), np.full((224, 398), 90, np.uint8)
    for _ in range(60):
        at = tuple(int(v) for v in random.uniform(0, (398, 224)))
        cv2.ellipse(y, at, tuple(int(v) for v in random.uniform(10, 45, 2)), random.uniform(0, 180), 0, 360, int(random.integers(20, 240)), -1, cv2.LINE_AA)
    return y


@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90, 112, 135, 160])
def test_a_blur_in_one_direction_shows(degrees):
    for seed in (1, 2):
        assert acutance(things(seed)) == pytest.approx(plain(things(seed)), abs=1e-12)
        for length in (12, 24):
            assert acutance(shaken(things(seed), length, degrees)) < 0.22


def drawn(shade) -> np.ndarray:
    """A picture of luma as a function of place, edges smoothed over a pixel."""
    y, x = (v.astype(np.float32) / 3 for v in np.mgrid[:672, :1194])
    return cv2.resize(shade(x, y).astype(np.float32), (398, 224), interpolation=cv2.INTER_AREA).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 2, 5, 20, 45, 80])
def test_edges_that_all_face_one_way_are_no_blur(degrees):
    across, along = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    pictures = {
        "stripes": drawn(lambda x, y: 128 + 60 * np.sign(np.sin((y * across + x * along) / 5))),
        "a horizon under soft clouds": drawn(lambda x, y: np.where(y * across + (x - 199) * along > 112 * across, 70, 170 + 25 * np.sin(x / 25) * np.sin(y / 17))),
        "blinds in a soft light": drawn(lambda x, y: (120 + 60 * np.sign(np.sin((y * across + x * along) / 6))) * (0.5 + 0.5 * np.exp(-((x - 199) / 110) ** 2))),
    }
    for name, y in pictures.items():
        assert acutance(y) > 0.3, name


def test_a_thing_in_focus_before_a_ground_that_passes_is_sharp():
    still = things(3)
    moving = shaken(still, 24, 5)
    moving[70:150, 150:250] = still[70:150, 150:250]
    assert acutance(moving) > 0.3


@pytest.mark.parametrize("y", [np.zeros((50, 50), np.uint8), np.full((50, 50), 7, np.uint8), np.zeros((2, 9), np.uint8)])
def test_there_is_none_without_an_edge_to_look_at(y):
    assert np.isnan(acutance(y))
