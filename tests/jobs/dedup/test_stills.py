"""Single pictures: what spoils some blocks spoils no others, and pictures that only look alike as a hash are told apart."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from jobs.clean.measures.phash import VIEWS, hashes
from jobs.clean.measures.sketch import COLUMNS, ROWS
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


@pytest.mark.parametrize("damaged", [b"", b"no picture", jpeg(drawn(3))[:200]])
def test_a_damaged_stored_frame_ends_no_job(find, picture, damaged):
    """Its clip is told by its hashes, as one without a frame is."""
    clips = [picture("a", drawn(3)), picture("b", drawn(3), frames=[{"t_s": 0.0, "jpeg": damaged}]), picture("c", drawn(4))]
    without = [*clips[:1], picture("b", drawn(3), frames=None), *clips[2:]]
    assert find(clips).pairs() == find(without).pairs() == {"b": "a"}


def test_the_job_finds_turned_pictures_when_asked_for(find, picture):
    clips = [picture("a", drawn(1)), picture("b", np.ascontiguousarray(np.rot90(drawn(1))))]
    assert find(clips).pairs() == {}
    assert find(clips, "dedup.turned=true").pairs() == {"b": "a"}


# ---- colours


def coloured(seed, ground, mark, size=(168, 224)):
    """A picture of one shape in given colours (RGB), the same luma whatever these are."""
    rng = np.random.default_rng(seed)
    luma = cv2.resize(rng.integers(60, 200, (6, 8), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    planes = [luma, *(np.full(size, tone, np.uint8) for tone in ground)]
    for plane, tone in zip(planes[1:], mark, strict=True):
        plane[40:130, 60:160] = tone
    return np.asarray(Image.merge("YCbCr", [Image.fromarray(p) for p in planes]).convert("RGB"))


RED, BLUE, GREEN, GREY = (100, 190), (190, 100), (90, 90), (128, 128)


@pytest.mark.parametrize(("ground", "mark", "same"), [
    (RED, BLUE, True), ((114, 159), (159, 114), True), (GREY, GREY, True),  # equal, paled by half, without colours
    (BLUE, RED, False), (RED, GREEN, False), (RED, RED, False)])
def test_one_drawing_in_other_colours_is_another_picture(ground, mark, same):
    one, two = (stills.small(jpeg(coloured(1, *colours))) for colours in ((RED, BLUE), (ground, mark)))
    assert stills.same_colours(one, two) == same
    assert (stills.agreement(one, two) >= stills.AGREEING) == same


def product(colour):
    """A shaded shirt on white (RGB), as catalogues show it."""
    y, x = np.mgrid[0:224, 0:224] / 224
    shade = 0.72 + 0.25 * np.sin(9 * x) * np.cos(6 * y) + 0.12 * np.cos(22 * x + 43 * y)
    shirt = np.zeros((224, 224), np.uint8)
    outline = [(70, 30), (154, 30), (204, 70), (180, 98), (160, 82), (160, 204), (64, 204), (64, 82), (44, 98), (20, 70)]
    cv2.fillPoly(shirt, [np.array(outline)], 255)
    share = cv2.GaussianBlur(shirt, (0, 0), 0.7)[:, :, None] / 255
    return (248 * (1 - share) + np.array(colour) * shade[:, :, None] * share).clip(0, 255).astype(np.uint8)


def graded(picture, contrast=1.0, channels=(1, 1, 1), saturation=1.0):
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, :, None]
    return (((grey + (picture - grey.astype(float)) * saturation - 128) * contrast + 128) * np.array(channels)).clip(0, 255).astype(np.uint8)


SHIRTS = {"red": (190, 40, 45), "brown": (110, 70, 45), "black": (38, 38, 40), "grey": (128, 128, 128), "white": (226, 226, 226),
          "beige": (214, 196, 164), "green": (50, 130, 80), "navy": (30, 40, 90)}


@pytest.mark.parametrize(("one", "two"), [
    ("red", "black"), ("red", "brown"), ("red", "grey"), ("green", "black"), ("green", "grey"), ("white", "beige"), ("white", "brown"),
    ("white", "black"), ("white", "grey"), ("grey", "black"), ("beige", "brown"), ("red", "navy")])
def test_one_product_in_other_colours_is_another_picture(one, two):
    pictures = [stills.small(jpeg(product(SHIRTS[name]))) for name in (one, two)]
    assert stills.agreement(*pictures) == stills.agreement(*pictures[::-1]) == 0


@pytest.mark.parametrize("how", [{"saturation": 0.0}, {"saturation": 0.25},
                                 {"contrast": 1.25, "channels": (1.12, 1, 0.85)},
                                 {"channels": (0.9, 1, 1.12)}, {"channels": (0.5, 0.5, 0.5)}, {"saturation": 0.0, "channels": (0.8, 0.8, 0.8)}], ids=str)
@pytest.mark.parametrize("name", ["red", "beige", "green"])
def test_a_graded_copy_is_the_same(how, name):
    picture = product(SHIRTS[name])
    one, copy = (stills.small(jpeg(of)) for of in (picture, graded(picture, **how)))
    assert min(stills.agreement(one, copy), stills.agreement(copy, one)) >= stills.AGREEING


def test_the_job_tells_products_by_colour(find, picture):
    red = product(SHIRTS["red"])
    shown = {"a": red, "b": product(SHIRTS["black"]), "c": graded(red, saturation=0.0)}
    luma = cv2.cvtColor(red, cv2.COLOR_RGB2GRAY)
    clips = [picture(name, luma, frames=[{"t_s": 0.0, "jpeg": jpeg(of)}], sharpness=9.0 - i)
             for i, (name, of) in enumerate(shown.items())]
    assert find(clips).pairs() == {"c": "a"}


def test_turning_a_picture_turns_its_colours():
    picture = coloured(2, RED, BLUE).copy()
    picture[:, :60] = coloured(2, GREEN, GREEN)[:, :60]
    one = stills.small(jpeg(picture))
    copy = stills.small(jpeg(np.ascontiguousarray(np.rot90(picture))))
    assert stills.agreement(one, copy) == 0
    assert stills.agreement(one, copy, turns=True) >= 0.9
    assert np.array_equal(stills.Small.of(one.packed()).chroma, one.chroma)


# ---- frames of clips


@pytest.fixture
def film(clip):
    """A clip of eight samples that shows pictures (RGB), two frames of it stored; its hashes may be given."""

    def make(clip_id, shown, **facts):
        made = [hashes(cv2.resize(cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2GRAY), (149, 112), interpolation=cv2.INTER_AREA)) for p in shown]
        given = {"modality": "video", "luma_std": 40.0, "end_s": 4.0, "duration_s": 4.0, "phashes": [h for of in made for h in of],
                 "phash_times_s": [i / 2 for i in range(len(made)) for _ in range(VIEWS)],
                 "frames": [{"t_s": i / 2, "jpeg": jpeg(np.ascontiguousarray(shown[i]))} for i in (2, 5)]}
        return clip(clip_id, **(given | facts))

    return make


def test_one_scene_in_other_colours_is_another_film(find, film):
    shown = [[coloured(i, *colours) for i in range(8)] for colours in ((RED, BLUE), (RED, BLUE), (BLUE, RED), (GREY, GREY))]
    assert find([film("a", shown[0]), film("b", shown[1])]).pairs() == {"b": "a"}
    assert find([film("a", shown[0]), film("c", shown[2])]).pairs() == {}
    assert find([film("a", shown[0]), film("d", shown[3])]).pairs() == {"d": "a"}  # a grey copy


def test_a_large_logo_on_a_still_film_is_seen_through_by_its_frames(find, film):
    shown = [coloured(3, RED, BLUE)] * 8
    stamped = [cv2.rectangle(shown[0].copy(), (150, 8), (214, 38), (255, 255, 255), -1)] * 8
    a, b = film("a", shown), film("b", stamped)
    far = [h ^ 0x1111_1111_1111_1111 for h in a["phashes"]]  # by 16 bits, but for one sample that lets the two meet
    b |= {"phashes": a["phashes"][:3] + far[3:]}
    found = find([a, b])
    assert found.pairs() == {"b": "a"}
    assert found["b"]["score"] >= stills.SHOWN
    assert find([a, b | {"frames": None}]).pairs() == {}
    other = film("c", [coloured(9, RED, BLUE)] * 8)
    assert find([a, b | {"frames": other["frames"]}]).pairs() == {}


def test_a_crop_is_found_by_its_middle(find, film):
    shown = [drawn(i) for i in range(8)]
    cropped = [f[8:-8, 11:-11] for f in shown]
    rgb = [[np.repeat(f[:, :, None], 3, axis=2) for f in of] for of in (shown, cropped)]
    found = find([film("a", rgb[0]), film("b", rgb[1])])
    assert found.pairs() == {"b": "a"}
    assert found["b"]["offset_s"] == 0


# ---- clips that stand still


def card(words, logo=False):
    """White words on black (RGB)."""
    picture = np.zeros((168, 224, 3), np.uint8)
    for i, line in enumerate(words):
        cv2.putText(picture, line, (30, 70 + 30 * i), 0, 0.7, (255, 255, 255), 1)
    return cv2.rectangle(picture, (170, 10), (215, 30), (60, 90, 250), -1) if logo else picture


@pytest.fixture
def still(film):
    """A clip of four seconds that shows one picture, with its sketches."""

    def make(clip_id, picture, samples=8, **facts):
        planes = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV))
        cells = [cv2.resize(p, size, interpolation=cv2.INTER_AREA).ravel()
                 for p, size in zip(planes, [(COLUMNS, ROWS), *[(COLUMNS // 2, ROWS // 2)] * 2], strict=True)]
        packed = np.concatenate(cells).tobytes()
        given = {"luma_std": float(planes[0].std()), "sketches": packed * 4 * samples, "sketch_times_s": [i / 8 for i in range(4 * samples)]}
        made = film(clip_id, [picture] * max(samples, 6), **(given | facts))
        return made if samples > 1 else made | {"phashes": made["phashes"][:VIEWS], "phash_times_s": [0.0] * VIEWS, "frames": made["frames"][:1],
                                                "sketches": packed, "sketch_times_s": [0.0], "end_s": 0.1, "duration_s": 0.1}

    return make


def test_a_title_card_is_found_beside_a_logo_and_cards_with_other_words_are_not(find, still):
    words = (("The long", "winter"), ("The last", "summer"), ("A slow", "return"))
    clips = [still(f"{i}-{name}", card(said, logo)) for i, said in enumerate(words) for name, logo in (("a", False), ("b", True))]
    assert find(clips).pairs() == {f"{i}-b": f"{i}-a" for i in range(3)}


def test_black_plain_and_single_frame_clips_do_not_glue_what_differs(find, still):
    plain = [np.full((168, 224, 3), shade, np.uint8) for shade in ((0, 0, 0), (3, 3, 3), (0, 0, 0), (90, 20, 20), (20, 20, 90), (255, 255, 255))]
    clips = [still(f"plain{i}", picture, sharpness=float(i)) for i, picture in enumerate(plain)]
    clips += [still("card", card(("The long", "winter"))), still("moment", card(("The last", "summer")), samples=1),
              still("copy", card(("The last", "summer")), samples=1, width=200)]
    assert [set(pair) for pair in find(clips).pairs().items()] == [{"copy", "moment"}]
