"""Builds in turn over one lake: a release is remembered when it is made, forgotten when it is taken down."""

import json

import numpy as np
import pytest
from PIL import Image

from jobs.dedup import index
from jobs.fuse.takedown import takedown
from jobs.job import CORPUS
from jobs.lake import Lake
from jobs.run import execute
from jobs.state import release_of
from schemas import DUPLICATES, SAMPLES
from schemas.loading import load

LONG = "a small boat drifts past the old lighthouse while gulls circle over the harbour wall at dusk and the lamps come on "


@pytest.fixture
def day(tmp_path):
    def built(name, *texts):
        folder = tmp_path / name
        if not folder.exists():
            folder.mkdir()
            (folder / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
        lake = tmp_path / "lake"
        settings = load([f"runtime.lake={lake}", f'runtime.sources=["{folder}"]', "runtime.progress=false",
                         'label.labelers=["language"]', "dedup.across_releases=true", "dedup.threshold=0.7"], env={})
        for job in CORPUS:
            execute(job, settings)
        return release_of(settings)["name"], Lake(str(lake))

    return built


def test_builds_in_turn_know_one_another(day):
    first, lake = day("one", LONG + "one by one", "the tide came in over the sand and went out again before anybody had seen it")
    assert day("one")[0] == first
    second, _ = day("two", LONG + "two by two", "nobody has ever written this sentence about the sea before, and nobody will again")
    rows = lake.version(DUPLICATES, lake.current("dedup")).read().to_pylist()
    assert [(row["method"], row["matched_in"]) for row in rows] == [("minhash", first)]
    assert lake.version(SAMPLES, lake.current("fuse")).rows == 1
    kept = rows[0]["keeper_id"]
    source = next(clip["source_id"] for part in index.standing(lake, load(["dedup.threshold=0.7"]).recipe.dedup)
                  for clip in part.clips.to_pylist() if clip["clip_id"] == kept)
    takedown(lake, source)
    third, _ = day("two")
    assert third != second
    assert lake.version(DUPLICATES, lake.current("dedup")).rows == 0
    assert lake.version(SAMPLES, lake.current("fuse")).rows == 2


def test_an_erased_source_leaves_nothing_in_the_index(day):
    release, lake = day("one", LONG + "one by one", "the tide came in over the sand and went out again before anybody had seen it")
    standing = index.standing(lake, load(["dedup.threshold=0.7"]).recipe.dedup)
    clip = next(clip for part in standing for clip in part.clips.to_pylist())

    def held():
        tables = {name: index._read(lake, release, name.removesuffix(".parquet")) for name in lake.names(index.FOLDER, release)
                  if name.endswith(".parquet")}
        return {name: sum(any(v is not None for v in row.values()) for row in t.to_pylist()) for name, t in tables.items()}

    before = held()
    takedown(lake, clip["source_id"])
    assert held() == before  # it takes no part any more, and that is all
    takedown(lake, clip["source_id"], erase=True)
    after = held()
    whole = {name for name in before if not name.startswith(("text.rows", "text-keys"))}
    assert {name: before[name] - after[name] for name in whole} == dict.fromkeys(whole, 1)
    bands = [sum(n for name, n in of.items() if name.startswith("text.rows")) for of in (before, after)]
    assert bands[0] == 2 * bands[1] > 0
    index_files = [lake.fs.cat_file(lake.path(index.FOLDER, release, name)) for name in after]
    assert not any(clip["clip_id"].encode() in data for data in index_files)
    left = index.standing(lake, load(["dedup.threshold=0.7"]).recipe.dedup)
    assert [c["clip_id"] for part in left for c in part.clips.take(part.taking_part).to_pylist()].count(clip["clip_id"]) == 0


def test_a_release_of_which_all_was_erased_is_matched_against_no_more(day):
    release, lake = day("one", LONG + "one by one")
    (clip,) = (clip for part in index.standing(lake, load(["dedup.threshold=0.7"]).recipe.dedup) for clip in part.clips.to_pylist())
    takedown(lake, clip["source_id"], erase=True)
    assert day("two", LONG + "two by two")[0] != release
    assert lake.version(SAMPLES, lake.current("fuse")).rows == 1


def test_pictures_are_matched_against_a_release_that_has_none(day, tmp_path):
    day("one", "the tide came in over the sand and went out again before anybody had seen it")
    (tmp_path / "two").mkdir()
    for seed in (1, 2):
        coarse = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), np.uint8)
        Image.fromarray(np.kron(coarse, np.ones((20, 20, 1), np.uint8))).save(tmp_path / "two" / f"{seed}.png")
    _, lake = day("two")
    assert lake.version(SAMPLES, lake.current("fuse")).rows == 2
