import random
from collections import Counter

import numpy as np
import pytest

from jobs.lake import Lake
from jobs.prompts import curate
from schemas import SAMPLES

TEXTS = [
    "a red fox runs over the snow",
    "waves break on a rocky coast",
    "an old tram crosses the bridge",
    "a potter shapes a bowl of clay",
    "children fly kites on a hill",
    "steam rises from a noodle stand",
    "a train leaves the mountain station",
    "rain falls on a tin roof",
]


def rows(per: int = 6) -> list[dict[str, object]]:
    """Eight planted clusters, `per` distinct captions each; cluster 0 was watched most."""
    rng = np.random.default_rng(3)
    centres = np.linalg.qr(rng.normal(size=(16, 8)))[0].T
    made: list[dict[str, object]] = []
    for c, text in enumerate(TEXTS):
        for i in range(per):
            vector = centres[c] + 0.05 * rng.normal(size=16)
            words = text.split()
            random.Random(100 * c + i).shuffle(words)
            made.append({"sample_id": f"s{c}{i:02d}", "caption": " ".join(words), "title": None, "text": None,
                         "engagement": 0.9 if c == 0 else None, "embedding": vector.astype(np.float16)})
    return made


def drawn(data: list[dict[str, object]], count: int, seed: int) -> list[tuple[str, int]]:
    found = curate.candidates(data, ("en",))
    owners = curate.clusters(found, len(TEXTS), seed)
    order = curate.draw(found, owners, seed)
    return [(c.sample_ids[0], o) for c, o in (next(order) for _ in range(count))]


def test_planted_clusters_are_found_and_drawn_in_turn() -> None:
    data = rows()
    found = curate.candidates(data, ("en",))
    owners = curate.clusters(found, len(TEXTS), 0)
    planted = {}
    for candidate, owner in zip(found, owners, strict=True):
        planted.setdefault(owner, set()).add(candidate.sample_ids[0][1])
    assert all(len(of) == 1 for of in planted.values())
    assert len(planted) == len(TEXTS)
    first = drawn(data, len(TEXTS), 0)
    assert len({owner for _, owner in first}) == len(TEXTS)


def test_the_draw_depends_on_rows_and_seed_but_not_on_their_order() -> None:
    data = rows()
    shuffled = data[::-1]
    assert drawn(data, 12, 5) == drawn(shuffled, 12, 5)
    assert drawn(data, 12, 5) != drawn(data, 12, 6)


def test_what_was_watched_is_drawn_more_often() -> None:
    """Two equal samples but for engagement 1 and 0: weights 1.1 and 0.1, so the first wins in 11 of 12 draws."""
    pair = [{"sample_id": "a", "caption": "a red fox runs over the snow", "engagement": 1.0},
            {"sample_id": "b", "caption": "an old tram crosses the bridge", "engagement": 0.0}]
    found = curate.candidates(pair, ("en",))
    wins = sum(next(curate.draw(found, [0, 0], seed))[0].sample_ids == ("a",) for seed in range(400))
    assert 0.86 < wins / 400 < 0.97


def test_equal_texts_are_one_candidate_that_names_all_its_samples() -> None:
    data = [{"sample_id": s, "caption": "Waves break on a rocky coast"} for s in ("z", "a", "m")]
    (found,) = curate.candidates(data, ("en",))
    assert found.sample_ids == ("a", "m", "z")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"caption": "<b>海边的日落很美</b>"}, "海边的日落很美"),
        ({"caption": "", "title": "A quiet harbour town"}, "A quiet harbour town"),
        ({"caption": "🎉", "text": "We walk home. " * 60}, "We walk home."),
        ({"caption": "abc"}, None),
        ({"caption": "今日は海に行きました"}, None),
    ],
)
def test_candidates(row: dict[str, object], text: str | None) -> None:
    found = curate.candidates([{"sample_id": "s", **row}], ("zh", "en"))
    assert [c.text[:len(text or "")] for c in found] == ([text] if text else [])


def test_k_means_survives_equal_points_and_broken_embeddings() -> None:
    assert curate.k_means(np.ones((5, 4), np.float32) / 2, 3, 0) == [0] * 5
    data = [
        {
            "sample_id": str(i),
            "caption": f"a fox number {i} runs home",
            "embedding": [float("nan")] * 4 if i else [1.0, 0, 0, 0],
        }
        for i in range(4)
    ]
    found = curate.candidates(data, ("en",))
    assert len(curate.clusters(found, 2, 0)) == 4


def test_alike() -> None:
    assert curate.alike("A red fox runs!", "a red fox runs") == 1.0
    assert curate.alike("今天去了西藏，风景很美", "今天去了西藏，风景真美") > 0.4
    assert curate.alike(TEXTS[0], TEXTS[1]) < 0.1


def test_a_text_with_masked_personal_data_is_no_prompt():
    plain = {"sample_id": "s", "caption": "a lake at sunset, call <PHONE> or write to <EMAIL>", "title": None, "text": None,
             "engagement": None, "embedding": None}
    assert curate.candidates([plain], ("en",)) == []
    assert [c.text for c in curate.candidates([plain | {"title": "a lake at sunset"}], ("en",))] == ["a lake at sunset"]


def test_a_large_release_of_few_texts_is_not_collected(tmp_path, monkeypatch):
    """Samples without a text are left out, and of those that share one the first alone brings its embedding, in any order of the parts."""
    monkeypatch.setattr(curate, "LOOKED_AT", 20)
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    rows = [{"sample_id": f"s{i * 37 % 400:03d}", "source_id": "s", "modality": "image", "split": "train", "uri": "u", "start_s": 0.0, "end_s": 0.0,
             "duration_s": 0.0, "labels": [], "cut": "whole", "caption": f"a hill number {i % 5} by the sea" if i % 4 == 0 else None if i % 4 == 1 else "🎉",
             "embedding": [float(i * 37 % 400), 1.0]} for i in range(400)]
    facts = lake.write_part(SAMPLES, "v", "p.parquet", SAMPLES.rows(rows), group_bytes=4_000)
    lake.write_json({"rows": 400, "files": [facts]}, "samples", "v", "manifest.json")
    found = curate.looked_at(lake.version(SAMPLES, "v"), 1)
    assert sorted(r["sample_id"] for r in found) == sorted(r["sample_id"] for r in rows if "hill" in (r["caption"] or ""))
    kept = [r for r in found if r["embedding"] is not None]
    assert len(kept) == 5
    for row in kept:
        assert row["sample_id"] == min(r["sample_id"] for r in rows if r["caption"] == row["caption"])
        assert row["embedding"].tolist() == [float(row["sample_id"][1:]), 1.0]
        assert row["embedding"].base is None
    candidates = curate.candidates(found, ("en",))
    assert sorted(len(c.sample_ids) for c in candidates) == [20] * 5
    assert all(c.vector is not None for c in candidates)


def test_of_a_large_release_a_share_of_the_texts_is_looked_at_with_all_samples_of_each(tmp_path, monkeypatch):
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    rows = [{"sample_id": f"s{i:03d}", "source_id": "s", "modality": "image", "split": "train", "uri": "u", "start_s": 0.0, "end_s": 0.0, "duration_s": 0.0,
             "labels": [], "cut": "whole", "caption": f"a hill number {i % 100} by the sea", "embedding": [0.6, 0.8] if i % 2 else None,
             "engagement": 0.25} for i in range(300)]
    facts = lake.write_part(SAMPLES, "v", "p.parquet", SAMPLES.rows(rows), group_bytes=4_000)
    lake.write_json({"rows": 300, "files": [facts]}, "samples", "v", "manifest.json")
    release = lake.version(SAMPLES, "v")
    assert len(release.slices()) > 3

    def ids(count):
        return [row["sample_id"] for row in curate.looked_at(release, count)]

    everything = ids(1)
    assert everything == [row["sample_id"] for row in rows]
    first, second = curate.looked_at(release, 1)[:2]
    assert (first["embedding"], second["embedding"].tolist(), second["engagement"]) == (None, pytest.approx([0.6, 0.8]), 0.25)
    monkeypatch.setattr(curate, "LOOKED_AT", 60)
    monkeypatch.setattr(curate, "TEXTS_PER_PROMPT", 5)
    some = curate.looked_at(release, 1)
    assert set(Counter(row["caption"] for row in some).values()) == {3}
    assert 15 <= len(some) < 150
    assert ids(19) == everything  # too few texts for so many prompts
