"""Properties of planning: nothing is lost, nothing leaks, no shard outgrows its size but for one large sample."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.fuse import shards, split
from jobs.fuse.behaviour import engagement
from schemas import BEHAVIOUR

IDS = st.integers(0, 11)


@settings(deadline=None)
@given(
    sources=st.lists(IDS, min_size=1, max_size=24),
    copies=st.lists(st.tuples(IDS, IDS), max_size=6),
    pairs=st.lists(st.tuples(st.integers(0, 23), st.integers(0, 30)), max_size=12),
    share=st.floats(0, 1),
)
def test_no_two_connected_clips_are_on_different_sides(sources, copies, pairs, share):
    import networkx as nx

    same = dict(copies)
    clips = pa.table(
        {
            "clip_id": [f"c{i}" for i in range(len(sources))],
            "source_id": [f"s{s}" for s in sources],
            "source_sha256": [f"h{same.get(s, s)}" for s in sources],
        }
    )
    pairs = [(a, b) for a, b in pairs if a < len(sources)]
    duplicates = pa.table(
        {"loser_id": pa.array([f"c{a}" for a, _ in pairs], pa.string()), "keeper_id": pa.array([f"c{b}" for _, b in pairs], pa.string())}
    )
    group_of = split.groups(clips, duplicates).to_pylist()
    sides = split.validation(split.groups(clips, duplicates), share).tolist()
    graph = nx.Graph()
    for row in clips.to_pylist():
        graph.add_edge(row["clip_id"], row["source_id"])
        graph.add_edge(row["source_id"], row["source_sha256"])
    graph.add_edges_from((f"c{a}", f"c{b}") for a, b in pairs)
    for component in nx.connected_components(graph):
        clips_of = [i for i in range(len(sources)) if f"c{i}" in component]
        assert len({sides[i] for i in clips_of}) <= 1
        assert {group_of[i] for i in clips_of} <= {min((n for n in component if n.startswith("h")), default="")}
    assert sides == [split.side(group, share) == "validation" for group in group_of]


def test_what_was_held_out_stays_so_when_its_file_is_moved_or_its_line_has_another_number():
    def sides(name):
        clips = pa.table({"clip_id": [f"c{i}" for i in range(200)], "source_id": [name(i) for i in range(200)], "source_sha256": [f"{i * 7919 % 1009:04}" for i in range(200)]})
        return split.validation(split.groups(clips, pa.table({"loser_id": ["c1"], "keeper_id": ["c2"]})), 0.3).tolist()

    before = sides(lambda i: f"s{i:03}")
    assert sides(lambda i: f"s{999 - i:03}") == sides(lambda i: f"moved-{i * 37 % 211:03}") == before
    assert 30 < sum(before) < 90


def test_the_share_of_groups_in_validation_is_the_one_asked_for():
    drawn = [split.side(f"group {i}", 0.05) for i in range(20000)]
    assert abs(drawn.count("validation") / 20000 - 0.05) < 0.006


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["train", "validation"]), st.integers(1, 500)), max_size=60), st.integers(100, 1000))
def test_every_sample_is_in_one_shard_and_shards_keep_to_their_size(items, limit):
    sizes = np.array([b for _, b in items], np.int64)
    made = shards.cut(np.array([s == "validation" for s, _ in items], bool), sizes, limit)
    assert sorted(i for shard in made for i in shard.rows) == list(range(len(items)))
    for shard in made:
        assert {items[i][0] for i in shard.rows} == {shard.split}
        assert sizes[shard.rows].sum() <= limit or len(shard.rows) == 1
    for a, b in zip(made, made[1:], strict=False):  # a shard is closed only because the next sample would not fit
        if a.split == b.split:
            assert sizes[a.rows].sum() + sizes[b.rows[0]] > limit


def test_estimates_follow_the_share_of_the_span():
    table = pa.table(
        {
            "modality": ["video", "video", "image", "text", "image"],
            "duration_s": [2.0, 10.0, 0.0, 0.0, 0.0],
            "has_audio": [False, True, None, None, None],
            "text_chars": [None, None, None, 100, None],
            "size_bytes": [1_000_000, 1_000_000, 5000, 9, 5000],
            "source_s": [10.0, 10.0, 0.0, 0.0, 0.0],
            "png_pixels": [90_000.0, 90_000.0, 0.0, 0.0, 90_000.0],
        }
    )
    sizes = shards.estimated_bytes(table, media=True) - shards.ROW_BYTES
    assert sizes.tolist() == [200_000, 1_000_000 + 10 * shards.SOUND_BYTES_PER_S, 5000, 300, 180_000]
    assert (shards.estimated_bytes(table, media=False) - shards.ROW_BYTES).tolist() == [0, 0, 0, 300, 0]


def test_a_few_enthusiasts_do_not_beat_a_well_liked_source():
    rows = [
        {"source_id": "hit", "views": 10000, "completion": 0.8, "likes": 3000, "shares": 500, "k": 900},
        {"source_id": "tiny", "views": 5, "completion": 1.0, "likes": 5, "shares": 5, "k": 5},
        {"source_id": "dull", "views": 10000, "completion": 0.1, "likes": 10, "shares": 0, "k": 900},
        {"source_id": "few", "views": 4, "completion": 1.0, "likes": 4, "shares": 0, "k": 4},
    ]
    found = engagement(BEHAVIOUR.rows(rows), least_k=5)
    prior = dict(zip(found["source_id"].to_pylist(), found["engagement"].to_pylist(), strict=True))
    assert "few" not in prior
    assert prior["hit"] > prior["tiny"] > prior["dull"]
    assert all(0 <= p <= 1 for p in prior.values())
