"""Cosines against all pairs, cells against cosines, embeddings that are no embeddings, and the job on drawn pictures."""

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from jobs.dedup import embeddings, index, passes, semantic
from jobs.dedup import job as dedup_job
from jobs.errors import Terminal
from jobs.lake import Version
from jobs.run import Run
from jobs.train import world
from schemas import CLIPS, LABELS

MEANING = 'dedup.methods=["exact","perceptual","semantic"]'


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def planted(count, width, seed, close=0.97):
    """Vectors with a common mean, a third of them at a cosine of about `close` to another."""
    rng = np.random.default_rng(seed)
    made = unit(0.65 + rng.normal(size=(count, width)))
    copies = rng.choice(count, count // 3, replace=False)
    noise = unit(rng.normal(size=(len(copies), width)))
    made[copies] = unit(made[rng.integers(0, count, len(copies))] + np.sqrt(1 / close**2 - 1) * noise)
    return made


@pytest.mark.parametrize(("count", "width"), [(1, 8), (40, 16), (2500, 32)])
def test_pairs_are_those_of_all_pairs(count, width):
    vectors, node = planted(count, width, count), np.random.default_rng(1).permutation(3 * count)[:count]
    (src, dst), cosine = semantic.pairs(vectors, node, node, 0.95)
    true = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    wanted = {(min(node[a], node[b]), max(node[a], node[b])): true[a, b] for a, b in zip(*np.nonzero(np.tril(true >= 0.95, -1)), strict=True)}
    assert dict(zip(zip(src.tolist(), dst.tolist(), strict=True), cosine, strict=True)) == pytest.approx(wanted)


def test_one_of_thousands_alike_is_paired_with_the_first_ones():
    vectors = np.ones((3000, 4), np.float32) / 2
    (src, dst), _ = semantic.pairs(vectors, np.arange(3000), np.arange(3000), 0.99)
    assert len(src) < 3000 * semantic.FIRST
    assert {int(d): int(s) for s, d in zip(src[::-1], dst[::-1], strict=True)} == dict.fromkeys(range(1, 3000), 0)


def test_partners_that_do_not_count_take_no_place():
    source = np.array([*[7] * 2 * semantic.FIRST, 8, 7])
    (src, dst), _ = semantic.pairs(np.ones((len(source), 4), np.float32) / 2, np.arange(len(source)), source, 0.99)
    other = 2 * semantic.FIRST
    assert set(zip(src.tolist(), dst.tolist(), strict=True)) == {*((i, other) for i in range(semantic.FIRST)), (other, other + 1)}


def test_cells_lose_few_pairs():
    vectors = planted(4000, 64, 7)
    of = semantic.nearest(vectors, semantic.learn(vectors[::2], 60))
    (src, dst), _ = semantic.pairs(vectors, np.arange(4000), np.arange(4000), 0.95)
    shared = (of[src][:, :, None] == of[dst][:, None, :]).any(axis=(1, 2))
    assert len(src) > 500
    assert shared.mean() >= 0.99


@pytest.mark.parametrize(("vector", "said"), [([1.0, 0.0], "2 numbers wide where others have 3"), ([0.0, float("nan"), 1.0], "not finite"),
                                              ([0.0, 0.0, 0.0], "all zeros"), ([float("inf"), 0.0, 0.0], "not finite"), ([], "0 numbers")])
def test_what_is_no_embedding_is_named(vector, said):
    column = pa.chunked_array([pa.array([[1.0, 0.0, 0.0], None, [0.0, 1.0, 0.0], vector], pa.list_(pa.float16()))])
    with pytest.raises(Terminal, match=f"clip d is .*{said}"):
        semantic.matrix(column, ["a", "b", "c", "d"])
    good, some = semantic.matrix(column.slice(0, 3), ["a", "b", "c"])
    assert (semantic.unit(good).tolist(), some.tolist()) == ([[1, 0, 0], [0, 1, 0]], [0, 2])


# ---- the job


def frame(shade, size=96):
    """A JPEG of a coloured square on a ground."""
    picture = np.full((size, size, 3), (30, 60, 200), np.uint8)
    picture[size // 4: -size // 4, size // 4: -size // 4] = shade
    sink = io.BytesIO()
    Image.fromarray(picture).save(sink, "JPEG", quality=90)
    return sink.getvalue()


@pytest.fixture
def picture(clip):
    def make(clip_id, shade, **facts):
        given = {"modality": "image", "width": 96, "height": 96, "luma_std": 40.0, "frames": [{"t_s": 0.0, "jpeg": frame(shade)}]}
        return clip(clip_id, **(given | facts))

    return make


def scene(name, seed):
    """A JPEG of a scene that the embedded model knows: the same words, another drawing for each seed."""
    found = next(s for s in world.scenes() if s.name == name)
    sink = io.BytesIO()
    Image.fromarray(world.render(found, width=128, height=128, frames=1, seed=seed)[0]).save(sink, "JPEG", quality=92)
    return {"frames": [{"t_s": 0.0, "jpeg": sink.getvalue()}]}


def test_pictures_that_mean_the_same_go_and_black_ones_do_not(find, picture):
    clips = [picture("a", 0, **scene("star-red-right-gray", 1)), picture("b", 0, **scene("star-red-right-gray", 2)),
             picture("c", 0, **scene("circle-green-up-navy", 1)),
             picture("x", (0, 0, 0), luma_std=1.0), picture("y", (0, 0, 0), luma_std=1.0)]
    found = find(clips, MEANING, "dedup.cosine=0.995")
    assert found.pairs() == {"b": "a"}
    assert (found["b"]["method"], found["b"]["score"] >= 0.995) == ("semantic", True)
    assert found.rejects[0]["threshold"] == 0.995
    assert find(clips, 'dedup.methods=["exact","perceptual"]').pairs() == {}


def labelled(run: Run, vectors):
    """The same run in a lake whose standing labels hold vectors for its clips."""
    settings, clips = run.settings, run.parents["clips"]
    facts = {"job": "measure", "code": 1, "recipe": {}, "schema_version": 1}
    run.lake.write_json(dict(clips.manifest) | facts, CLIPS.name, "given", "manifest.json")
    run.parents = {**run.parents, "clips": Version(run.lake, CLIPS, "given", dict(clips.manifest) | facts)}
    rows = [{"clip_id": c, "labeler": "clip_embedding", "labeler_version": 1, "key": "embedding", "vector": v} for c, v in vectors.items()]
    part = run.lake.write_part(LABELS, "l", "p.parquet", LABELS.rows(rows))
    parents = {"clips@measure": "given", "labeler clip_embedding": embeddings.identity(settings.recipe.label)}
    run.lake.write_json({"rows": len(rows), "files": [part], "parents": parents}, LABELS.name, "l", "manifest.json")
    run.lake.write_json({"fingerprint": "l"}, "_current", "label.json")
    return run


def test_vectors_of_standing_labels_are_taken_and_a_broken_one_is_named(lake_run, deduped, picture):
    clips = [picture("a", (220, 30, 30)), picture("b", (20, 220, 20)), picture("c", (0, 0, 0))]
    alike = {"a": [1.0, 0.0], "b": [1.0, 0.0], "c": [0.0, 1.0]}
    run = labelled(lake_run(clips, MEANING), alike)
    assert deduped(run).pairs() == {"b": "a"}
    run.lake.remove(LABELS.name)
    assert deduped(run).pairs() == {"b": "a"}  # they are kept beside the clips
    with pytest.raises(Terminal, match="clip c is not finite"):
        deduped(labelled(lake_run(clips, MEANING), alike | {"c": [float("nan"), 1.0]}))


def test_pictures_that_mean_the_same_hide_no_equal_films(lake_run, deduped, picture):
    clips = [picture(f"{i:03d}", (220, 30, 30), width=1920, height=1080, source_id="one") for i in range(130)]
    clips += [picture(i, (220, 30, 30), modality="video", sharpness=float(ord(i)), luma_std=40.0, duration_s=4.0) for i in "xy"]
    given = {clip["clip_id"]: [1.0, i / 1000] for i, clip in enumerate(clips)}
    found = deduped(labelled(lake_run(clips, 'dedup.methods=["exact","semantic"]'), given))
    assert {k: v for k, v in found.pairs().items() if k in "xy"} == {"x": "y"}


def test_the_sample_that_cells_are_learnt_from_has_one_order(lake_run, picture):
    run = labelled(lake_run([picture(i, (220, 30, 30)) for i in "abcdef"], MEANING, pieces=3), {i: [1.0, k / 10] for k, i in enumerate("abcdef")})
    nodes = dedup_job.embedded(dedup_job.nodes_of(run.parents["clips"], run.parents["rejects"], run.settings.recipe.dedup), run.settings)
    blobs = [blob for cut in nodes.cuts(np.arange(6)) for _, blob in passes.map_sample(cut, dedup=run.settings.recipe.dedup)]
    found = passes.reduce_sample(0, blobs)
    assert [len(blobs), *found["node"].to_pylist()] == [3, *range(6)]
    assert passes.reduce_sample(0, blobs[::-1]) == found


@pytest.mark.spark
def test_cells_and_files_do_not_change_the_rows(lake_run, deduped, clip, monkeypatch):
    vectors = planted(300, 16, 3)
    clips = [clip(f"{i:03d}", modality="image", luma_std=40.0) for i in range(300)]
    given = {c["clip_id"]: v.tolist() for c, v in zip(clips, vectors, strict=True)}
    wanted = deduped(labelled(lake_run(clips, MEANING, "dedup.cosine=0.95"), given))
    assert len(wanted) > 50
    monkeypatch.setattr(semantic, "EXACT", 10)
    cut = deduped(labelled(lake_run(clips, MEANING, "dedup.cosine=0.95", pieces=3), given))
    assert len(set(wanted) ^ set(cut)) <= len(wanted) // 50


def test_a_release_remembers_vectors_and_other_ones_are_refused(lake_run, deduped, picture):
    one, two = [picture("a", (220, 30, 30))], [picture("b", (221, 30, 31))]
    sets = MEANING, "dedup.cosine=0.995", "dedup.across_releases=true"
    first, second = lake_run(one, *sets), lake_run(two, *sets)
    recipe = second.settings.recipe
    clips = Version(first.lake, CLIPS, "given", first.parents["clips"].manifest)
    dedup_job.remember(first.lake, "r", clips, first.parents["rejects"], recipe.dedup, recipe.label)
    first.lake.fs.mv(first.lake.path(index.FOLDER), second.lake.path(index.FOLDER), recursive=True)
    second.lake.write_json({}, index.RELEASES, "r", index.RELEASE)
    facts = second.lake.read_json(index.FOLDER, "r", index.FACTS)
    second.lake.write_json(facts | {"clips": "earlier"}, index.FOLDER, "r", index.FACTS)
    found = deduped(second)
    assert (found.pairs(), found["b"]["matched_in"]) == ({"b": "a"}, "r")
    assert len(index.standing(second.lake, recipe.dedup)) == 1  # vectors that are not compared matter to nobody
    with pytest.raises(Terminal, match="embedding is '.*' there and '2/other' here"):
        index.standing(second.lake, recipe.dedup, None, "2/other")
