"""The labels on the report page: who labelled and who could not, what they say, their scores, and that words stay words."""

import pytest

from jobs.lake import Lake
from quality import labelled
from quality.export import report
from schemas import CLIPS, LABELS, REJECTS, SAMPLES, SOURCES

HOSTILE = "<img src=x onerror=alert(1)> & {{ 7 * 7 }} </style><script>alert(2)</script>"


def ids(count):
    return [f"{i:032x}" for i in range(count)]


@pytest.fixture
def tables(tmp_path, standing):
    """Ten clips; eight with tags, four with a caption status, scores for all; an absent labeler; one clip dropped afterwards."""
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    clips = [{"clip_id": c, "source_id": c, "modality": "text" if i == 9 else "video", "duration_s": 2.0, "text": HOSTILE if i == 9 else None}
             for i, c in enumerate(ids(10))]
    rows = []

    def say(clip, labeler, key, score=None, text=None):
        rows.append({"clip_id": clip, "labeler": labeler, "labeler_version": 1, "key": key, "score": score, "text": text,
                     "model": "m" if labeler == "clip_tags" else None, "revision": "0" * 12 if labeler == "clip_tags" else None})

    for i, c in enumerate(ids(10)):
        say(c, "quality", "quality", i / 10)
        say(c, "quality", "part/sharpness", 0.5)
        say(c, "motion_class", "class", 0.1, "still" if i % 2 else "strong")
        say(c, "language", "caption", 0.9, f"a long sentence that nobody would count, number {i}")
        if i < 8:
            say(c, "clip_tags", "place/" + ("sea" if i < 5 else "unknown"), 0.9, "海" if i < 5 else None)
        if i < 4:
            say(c, "caption", "status", text=["ok", "ok", "refused", "refused"][i])
            say(c, "caption", "tokens", 100.0)
    measured = [{"labeler": "quality", "clips": 10, "rows": 20, "cpu_s": 0.5}, {"labeler": "quality", "cpu_s": 0.25},
                {"labeler": "safety", "rows": 0, "cpu_s": 0.1}, {"labeler": "aesthetic", "absent": f"no file {HOSTILE}"}]
    dropped = {"sample_id": ids(10)[9], "stage": "judge", "check": "text_length", "reason": "too_short", "decisive": True}
    made = (("collect", SOURCES, [{"source_id": c["source_id"], "rel_path": f"a/{i}.mp4"} for i, c in enumerate(clips)], {}),
            ("measure", CLIPS, clips, {"cost": {"cpu_s": 30.0, "peak_mb": 700}}),
            ("judge", REJECTS, [dropped], {"seen": 10, "kept": 9, "rejected": {"too_short": 1}}),
            ("label", LABELS, rows, {"measured": measured, "seen": 10, "kept": 10, "cost": {"cpu_s": 6.0, "peak_mb": 100}}),
            ("fuse", SAMPLES, [{"sample_id": c["clip_id"], "duration_s": 2.0} for c in clips[:9]], {"cost": {"cpu_s": 0.0, "peak_mb": 10}}))
    found = {}
    for job, table, content, facts in made:
        found[table.name] = standing(lake, table, content, {}, {"job": job, **facts}, job.ljust(12, "0"))
        lake.write_json({"fingerprint": job.ljust(12, "0")}, "_current", f"{job}.json")
    return lake, found


def test_every_labeler_is_told_with_its_cost_and_who_could_not_run_says_why(tables):
    _, found = tables
    lines = {line.labeler: line for line in labelled.lines(found, labelled.read(found, 1), 1)}
    assert list(lines) == sorted(lines)
    assert (lines["quality"].rows, lines["quality"].clips, lines["quality"].of, lines["quality"].cpu_s) == (20, 10, 10, 0.75)
    assert (lines["safety"].rows, lines["safety"].cpu_s, lines["safety"].absent) == (0, 0.1, "")
    assert lines["motion_class"].cpu_s is None
    assert lines["aesthetic"].absent.startswith("no file")
    assert labelled.tokens(labelled.read(found, 1), 1) == 400


def test_what_can_be_counted_is_counted_and_sentences_are_not(tables):
    _, found = tables
    words = dict(labelled.words(labelled.read(found, 1), 8, 1))
    assert words == {
        "tags · place": [("sea", 5), ("unknown", 3)],
        "motion_class · class": [("strong", 5), ("still", 5)],
        "caption · status": [("ok", 2), ("refused", 2)],
    }


def test_scores_are_those_that_are_a_number_alone_split_by_who_stays(tables):
    _, found = tables
    scores = {name: (kept.tolist(), gone.tolist()) for name, kept, gone in labelled.scores(labelled.read(found, 1), ids(10)[9:])}
    assert set(scores) == {"quality/quality", "caption/tokens"}
    assert scores["quality/quality"] == ([i / 10 for i in range(9)], [0.9])


def test_the_page_tells_the_cost_of_an_hour_and_why_a_folder_lost_what_it_lost(tables):
    page = report(tables[0])
    assert "CPU per released hour" in page
    assert "2 h 00 min" in page  # 36 s of CPU for 18 s of media
    assert "400 tokens" in page
    assert 'too_short <b>1</b>' in page


def test_words_of_clips_and_reasons_of_labelers_stay_words(tables):
    page = report(tables[0])
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "<img src=x" not in page
    assert "<script" not in page
    assert page.count("</style>") == 1


def test_without_labels_nothing_is_said():
    assert labelled.lines({}, None, 1) == labelled.words(None, 4, 1) == list(labelled.scores(None, ())) == []
    assert labelled.tokens(None, 1) is None
