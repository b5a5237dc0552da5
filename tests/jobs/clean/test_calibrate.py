"""Thresholds from marks: what is found by construction, and intervals against the textbook."""

import math
import random
from hashlib import sha256

import pytest

from jobs.clean.calibrate import Proposal, Rate, calibrate, overrides, quantiles
from jobs.clean.policy import resolve
from jobs.clean.whatif import whatif
from jobs.cli.calibrate import read_marks
from jobs.errors import Terminal
from jobs.lake import Lake
from schemas import CLIPS
from schemas.settings import Policy


def an_id(i):
    return sha256(str(i).encode()).hexdigest()[:32]


@pytest.fixture
def clips(tmp_path):
    """200 videos: those with sharpness below 80 are blurred to a person, luma says nothing."""
    chance = random.Random(7)
    rows = [{"clip_id": an_id(i), "source_id": "s", "modality": "video", "source_sha256": "0", "start_s": 0.0, "end_s": 4.0,
             "duration_s": 4.0, "sharpness": 2.0 * i, "luma_std": 40.0, "luma_mean": chance.uniform(20, 200),
             "flicker": None if i % 2 else 1.0} for i in range(200)]
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    facts = lake.write_part(CLIPS, "v", "0.parquet", CLIPS.rows(rows))
    lake.write_json({"rows": 200, "files": [facts], "job": "measure"}, "clips", "v", "manifest.json")
    version = lake.version(CLIPS, "v")
    assert version is not None
    return version


def proposals(found):
    return {(p.check, p.field): p for p in found}


def test_the_threshold_between_marks_is_found(clips):
    marks = {an_id(i): 2.0 * i >= 80 for i in range(200)}
    found = proposals(calibrate(clips, marks, Policy()))
    sharp = found["sharpness", "min_variance"]
    assert 78 < sharp.proposed < 80
    assert (sharp.precision.value, sharp.recall.value) == (1.0, 1.0)
    assert (sharp.recall.hits, sharp.recall.of) == (40, 40)
    assert sharp.recall.interval[0] < 0.95
    assert sharp.dropped.value == 0.2


def test_a_number_that_says_nothing_gets_no_threshold(clips):
    marks = {an_id(i): i % 2 == 0 for i in range(200)}
    assert proposals(calibrate(clips, marks, Policy()))["exposure", "max_mean"].proposed is None


def test_wrong_marks_cost_precision_not_a_crash(clips):
    marks = {an_id(i): 2.0 * i >= 80 for i in range(200)} | {an_id(3): True, an_id(150): False}
    sharp = proposals(calibrate(clips, marks, Policy()))["sharpness", "min_variance"]
    assert 78 <= sharp.proposed <= 82
    assert sharp.precision.hits == sharp.precision.of - 1
    assert (sharp.recall.hits, sharp.recall.of) == (39, 40)


@pytest.mark.parametrize("marks", [{"nobody": True, "0" * 32: False}, {"0" * 32: False}])
def test_marks_that_cannot_be_used_are_refused(clips, marks):
    with pytest.raises(ValueError, match="mark"):
        calibrate(clips, marks, Policy())


@pytest.mark.parametrize("wanted", [1.0, 0.9, 0.5, 0.25])
def test_a_quantile_keeps_the_wished_share(clips, wanted):
    found = proposals(quantiles(clips, wanted, Policy()))
    sharp = found["sharpness", "min_variance"]
    assert sharp.dropped.value == pytest.approx(1 - wanted, abs=0.006)
    assert found["flicker", "max_change"].dropped.of == 100


@pytest.mark.parametrize("wanted", [0.0, -1.0, 1.5])
def test_a_yield_outside_its_range_is_refused(clips, wanted):
    with pytest.raises(ValueError, match="yield"):
        quantiles(clips, wanted, Policy())


@pytest.mark.parametrize(("hits", "of", "low", "high"), [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (50, 50, 0.9287, 1.0)])
def test_wilson_intervals_are_those_of_the_textbook(hits, of, low, high):
    """Values of statsmodels' proportion_confint(method='wilson')."""
    assert Rate(hits, of).interval == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_nothing_observed_is_no_rate():
    assert Rate(0, 0).value is None
    assert Rate(0, 0).interval == (0.0, 1.0)
    assert not math.isnan(Rate(0, 0).interval[1])


def test_too_few_clips_tell_no_quantile(clips):
    found = proposals(quantiles(clips, 0.995, Policy()))
    assert found["sharpness", "min_variance"].proposed is not None
    assert found["flicker", "max_change"].proposed is None


def test_proposals_are_settings_that_do_what_they_say(clips):
    marks = {an_id(i): 2.0 * i >= 80 for i in range(200)}
    found = calibrate(clips, marks, Policy())
    settings = overrides(found)
    checks = resolve(Policy(filters=settings))
    sharp = next(c for c in checks if c.name == "sharpness")
    dropped = [row for row in clips.read(["clip_id", "modality", "sharpness", "acutance"]).to_pylist() if sharp.filter.verdict(row, sharp.config)]
    assert {row["clip_id"] for row in dropped} == {clip for clip, keep in marks.items() if not keep}


def test_where_a_least_would_be_more_than_a_most_neither_is_proposed():
    def proposal(field, op, value, current=None):
        return Proposal("duration", field, "duration_s", op, current, value, None, None, Rate(0, 1))

    crossing = [proposal("min_s", "<", 8.0), proposal("max_s", ">", 5.0)]
    assert overrides(crossing) == {}
    assert overrides([*crossing[:1], proposal("max_s", ">", 9.0)]) == {"duration": {"min_s": 8.0, "max_s": 9.0}}
    assert overrides(crossing[:1]) == {"duration": {"min_s": 8.0}}
    assert overrides([proposal("min_s", "<", 17.0, 2.0), proposal("max_s", ">", None, 16.0)]) == {}
    assert overrides([proposal("min_s", "<", None, 2.0), proposal("max_s", ">", 1.5, 16.0)]) == {}
    assert overrides([proposal("min_s", "<", 17.0, 2.0), proposal("max_s", ">", 18.0, 16.0)]) == {"duration": {"min_s": 17.0, "max_s": 18.0}}
    assert overrides([proposal("min_s", "<", 1.0, 3.0), proposal("max_s", ">", None, 2.0)]) == {"duration": {"min_s": 1.0}}


def test_of_two_proposals_for_one_threshold_the_one_that_drops_less_is_taken():
    def proposal(op, value):
        return Proposal("bars", "max_share", "letterbox_share", op, 0.1, value, None, None, Rate(0, 1))

    assert overrides([proposal(">", 0.2), proposal(">", 0.3), proposal(">", None)]) == {"bars": {"max_share": 0.3}}
    assert overrides([proposal("<", 0.2), proposal("<", 0.3)]) == {"bars": {"max_share": 0.2}}


@pytest.mark.parametrize("text", [
    "clip_id,mark\na,keep\nb,drop\n", "\ufeffclip_id,keep\r\na,1\r\nb,0\r\n", '{"clip_id": "a", "mark": "keep"}\n\n{"clip_id": "b", "label": "No"}\n',
    '[{"clip_id": "a", "mark": true},\n {"clip_id": "b", "mark": false}]', "clip_id,mark\na,keep\na,kept\nb,drop\n",
    "clip_id\tmark\na\tkeep\nb\tdrop\n", "clip_id;mark\r\na;keep\r\nb;drop\r\n", 'clip_id,note,mark\na,"two\nlines",keep\nb,,drop\n'])
def test_marks_are_read_from_csv_jsonl_and_json(tmp_path, text):
    (tmp_path / "marks").write_text(text, encoding="utf-8")
    assert read_marks(tmp_path / "marks") == {"a": True, "b": False}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
@pytest.mark.parametrize("head", ["Clip_ID;Mark;备注", "clip_id; mark ;备注", "clip id;MARK;备注"])
def test_marks_are_read_as_spreadsheets_write_them(tmp_path, head, encoding):
    (tmp_path / "marks").write_bytes(f"{head}\r\na ;keep;画面很好\r\nb;drop;\r\n".encode(encoding))
    assert read_marks(tmp_path / "marks") == {"a": True, "b": False}


@pytest.mark.parametrize(("text", "place", "why"), [
    ("id,verdict\na,keep\n", "line 2", "wants clip_id"), ("clip_id,mark\na,keep\nb,perhaps\n", "line 3", "keep or drop"),
    ("clip_id,mark\na,keep\na,drop\n", "line 3", "a is marked keep and drop"), ('{"clip_id": "a", "mark": "keep"}\n{"clip_id"\n', "line 2", "delimiter"),
    ('[{"clip_id": "a", "mark": "keep"}, 3]', "entry 2", "wants an object"), ('[{"clip_id": "a",\n', "line 2", "column"), ("clip_id,mark\na\n", "line 2", "keep or drop"),
    ('{"clip_id": ["a"], "mark": "keep"}', "line 1", "wants clip_id"), ("[" * 100_000, "line 1", "JSON of another kind"),
    ('{"clip_id": ' + "9" * 5000 + "}", "line 1", "JSON of another kind"), ("clip_id,mark\n" + "x" * 200_000 + ",keep\n", "line 2", "field larger"),
    ("clip_id,mark\na,keep,more\nb\n", "line 3", "keep or drop")])
def test_marks_that_cannot_be_read_are_named_by_their_line(tmp_path, text, place, why):
    (tmp_path / "marks").write_text(text)
    with pytest.raises(Terminal, match=f"{place}: .*{why}"):
        read_marks(tmp_path / "marks")


@pytest.mark.parametrize(("marks", "why"), [({}, "there are none"), ({an_id(0): True}, "all 1 say keep"), ({an_id(0): False}, "all 1 say drop")])
def test_marks_of_one_kind_are_counted(clips, marks, why):
    with pytest.raises(ValueError, match=why):
        calibrate(clips, marks, Policy())


def test_what_is_alike_in_all_clips_gets_no_stricter_threshold(clips):
    """It would drop none of them, and of the next ones whatever differs."""
    flicker = proposals(quantiles(clips, 0.9, Policy()))["flicker", "max_change"]
    assert (flicker.proposed, flicker.dropped.hits) == (None, 0)


def test_both_measures_of_one_threshold_are_named(clips):
    assert {p.measured for p in quantiles(clips, 0.9, Policy()) if p.check == "exposure"} >= {"luma_mean", "bright"}


def test_of_a_large_table_an_even_share_tells_the_quantile(clips, monkeypatch):
    monkeypatch.setattr("jobs.clean.calibrate.MOST", 100)
    sharp = proposals(quantiles(clips, 0.8, Policy()))["sharpness", "min_variance"]
    assert 70 <= sharp.dropped.of <= 130  # one clip in two
    assert sharp.proposed == pytest.approx(80, abs=25)


def test_of_a_large_table_an_even_share_is_judged_and_multiplied(clips, monkeypatch):
    policy = Policy(filters={"sharpness": {"min_variance": 80}})
    whole = whatif(clips, policy)
    monkeypatch.setattr("jobs.clean.whatif.MOST", 100)
    share = whatif(clips, policy)
    assert (whole.every, share.every) == (1, 2)
    assert (whole.seen, whole.rejected["blurred"]) == (200, 40)
    assert share.seen == pytest.approx(200, abs=40)
    assert share.rejected["blurred"] == pytest.approx(40, abs=20)
    assert share.seen == share.kept + sum(share.rejected.values())
