"""Single pictures: what spoils some blocks spoils no others, and pictures that only look alike as a hash are told apart."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from jobs.clean.measures.phash import VIEWS, hashes
from jobs.dedup import stills


def drawn(seed, size=(168, 224)):
    """A textured ground with shapes."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.integers(0, 256, (12, 16), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    for x, y, r in rng.integers(10, 150, (6, 3)):
        cv2.circle(ground, (int(x), int(y)), int(8 + r / 5), int(rng.integers(256)), -1)
    return ground


def jpeg(luma):
    sink = io.BytesIO()
    Image.fromarray(luma).save(sink, "JPEG", quality=85)
    return sink.getvalue()


CHANGES = {
    "logo": lambda f: cv2.rectangle(f.copy(), (160, 8), (214, 34), 255, -1),
    "subtitle": lambda f: cv2.putText(f.copy(), "a subtitle", (40, 154), 0, 0.7, 255, 2),
    "letterboxed": lambda f: cv2.copyMakeBorder(f, 30, 30, 0, 0, cv2.BORDER_CONSTANT),
    "cropped": lambda f: f[5:-5, 7:-7],
    "darker": lambda f: cv2.convertScaleAbs(f, alpha=0.6),
    "smaller": lambda f: cv2.resize(f, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(3))
def test_a_changed_picture_agrees(change, seed):
    picture = drawn(seed)
    assert stills.agreement(stills.small(jpeg(picture)), stills.small(jpeg(CHANGES[change](picture)))) >= stills.AGREEING


def test_different_and_flat_pictures_do_not():
    made = [stills.small(jpeg(drawn(seed))) for seed in range(12)]
    assert max(stills.agreement(a, b) for i, a in enumerate(made) for b in made[:i]) < stills.AGREEING
    flat = stills.small(jpeg(np.full((168, 224), 90, np.uint8)))
    assert stills.agreement(flat, flat) == 0


def test_turned_pictures_agree_when_that_is_asked_for():
    picture = drawn(1)
    for turn in (lambda p: p[:, ::-1], lambda p: p[::-1], np.rot90, lambda p: p.T):
        copy = stills.small(jpeg(np.ascontiguousarray(turn(picture))))
        assert stills.agreement(stills.small(jpeg(picture)), copy) < stills.AGREEING
        assert stills.agreement(stills.small(jpeg(picture)), copy, turns=True) >= stills.AGREEING


@pytest.fixture
def picture(clip):
    def make(clip_id, luma, **facts):
        seen = np.ascontiguousarray(cv2.resize(luma, (149, 112), interpolation=cv2.INTER_AREA))
        given = {"modality": "image", "width": 224, "height": 168, "luma_std": 40.0, "frames": [{"t_s": 0.0, "jpeg": jpeg(luma)}],
                 "phashes": list(hashes(seen)), "phash_times_s": [0.0] * VIEWS}
        return clip(clip_id, **(given | facts))

    return make


def test_the_job_finds_pictures_by_their_quarters_and_tells_hashes_that_collide_apart(find, picture):
    first, other = drawn(1), drawn(2)
    stamped = cv2.rectangle(first.copy(), (120, 0), (224, 60), 255, -1)
    clips = [picture("a", first), picture("b", stamped), picture("c", other),
             picture("d", drawn(3), phashes=picture("c", other)["phashes"], sharpness=3.0)]
    found = find(clips)
    assert found.pairs() == {"b": "a"}
    assert found["b"]["method"] == "perceptual"
    assert found.rejects[0]["threshold"] == stills.AGREEING


def test_the_job_finds_turned_pictures_when_asked_for(find, picture):
    clips = [picture("a", drawn(1)), picture("b", np.ascontiguousarray(np.rot90(drawn(1))))]
    assert find(clips).pairs() == {}
    assert find(clips, "dedup.turned=true").pairs() == {"b": "a"}
