"""The policy: presets, overrides, severities, and the funnel that it makes of fabricated clips."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.clean.filter import filters
from jobs.clean.job import Task, judge_task
from jobs.clean.policy import PRESETS, columns, judge, reject_rows, resolve
from jobs.clean.shots import spans
from jobs.clean.whatif import whatif
from jobs.lake import Lake
from schemas import CLIPS
from schemas.settings import Measure, Policy, Settings, SettingsError

GOLDEN = Path(__file__).parents[2] / "golden" / "policy_funnel.txt"

GOOD = {
    "video": {"duration_s": 4.0, "width": 1280, "height": 720, "frame_count": 96, "fps": 24.0, "luma_mean": 110.0,
              "luma_std": 50.0, "black_share": 0.0, "sharpness": 500.0, "acutance": 0.6, "motion": 0.1, "freeze_share": 0.0,
              "duplicate_frame_share": 0.0,
              "flicker": 0.3, "letterbox_share": 0.0, "pillarbox_share": 0.0, "blockiness": 1.05, "text_area_share": 0.0,
              "residual_cut": 0.2, "interlaced": False, "has_audio": True, "loudness_lufs": -20.0, "silence_share": 0.1,
              "clipping_share": 0.0, "speech_share": 0.6, "bandwidth_hz": 9000.0, "snr_db": 30.0, "av_skew_s": 0.02,
              "pii_count": 0},
    "image": {"duration_s": 0.0, "width": 800, "height": 600, "luma_mean": 120.0, "luma_std": 60.0, "sharpness": 900.0,
              "acutance": 0.7,
              "blockiness": 1.1, "text_area_share": 0.01, "pii_count": 0},
    "audio": {"duration_s": 9.0, "has_audio": True, "loudness_lufs": -22.0, "silence_share": 0.1, "speech_share": 0.8,
              "clipping_share": 0.0, "bandwidth_hz": 7000.0, "snr_db": 30.0, "pii_count": 0},
    "text": {"duration_s": 0.0, "text": "…", "text_chars": 60, "text_words": 14, "repetition_share": 0.0, "symbol_share": 0.0,
             "markup_share": 0.0, "boilerplate_share": 0.0, "lang_detected": "en", "lang_score": 0.99, "pii_count": 0},
}
"""A clip of each modality that nobody could have anything against."""

FAULTS = [
    ("video", {"duration_s": 0.6, "frame_count": 14}, "too_short"), ("video", {"width": 96, "height": 64}, "too_small"),
    ("video", {"width": 300, "height": 1280}, "too_tall"), ("image", {"width": 3840, "height": 800}, "too_wide"),
    ("video", {"fps": 4.0, "frame_count": 16}, "low_fps"),
    ("video", {"black_share": 1.0, "luma_mean": 0.0, "luma_std": 0.0, "acutance": None, "motion": 0.0, "freeze_share": 1.0},
     "black"),
    ("image", {"luma_mean": 3.0, "luma_std": 5.0}, "too_dark"), ("image", {"luma_mean": 254.0, "luma_std": 6.0}, "too_bright"),
    ("image", {"luma_std": 0.5, "acutance": None}, "low_contrast"), ("video", {"acutance": 0.05}, "blurred"),
    ("image", {"acutance": 0.15}, "blurred"),
    ("video", {"freeze_share": 1.0, "motion": 0.0, "duplicate_frame_share": 0.99}, "frozen"),
    ("video", {"duplicate_frame_share": 0.95, "freeze_share": 0.3}, "slideshow"), ("video", {"motion": 0.0}, "static"),
    ("video", {"motion": 9.0}, "too_shaky"), ("video", {"flicker": 60.0}, "flicker"),
    ("video", {"letterbox_share": 0.25}, "letterboxed"), ("video", {"pillarbox_share": 0.44}, "letterboxed"),
    ("image", {"blockiness": 6.0}, "blocky"), ("video", {"text_area_share": 0.5}, "text_heavy"),
    ("video", {"residual_cut": 2.0}, "missed_cut"),
    ("video", {"transcript": "hello", "silence_share": 1.0, "speech_share": 0.0}, "silent"),
    ("video", {"transcript": "hello", "has_audio": False, "silence_share": None, "speech_share": None, "snr_db": None,
               "loudness_lufs": None, "clipping_share": None, "bandwidth_hz": None, "av_skew_s": None}, "silent"),
    ("audio", {"clipping_share": 0.2}, "clipped_audio"),
    ("audio", {"loudness_lufs": None, "silence_share": 1.0}, "silent"), ("audio", {"loudness_lufs": -58.0, "silence_share": 0.9}, "quiet_audio"),
    ("video", {"av_skew_s": -3.0}, "av_skew"), ("text", {"text_words": 2}, "text_too_short"),
    ("text", {"repetition_share": 0.8}, "repetitive_text"), ("text", {"symbol_share": 0.7}, "symbol_text"),
    ("text", {"markup_share": 0.6}, "markup_text"), ("text", {"boilerplate_share": 1.0}, "boilerplate_text"),
    ("text", {"pii_count": 50}, "personal_data"),
]


def clip(place: int, modality: str, **changes: object) -> dict[str, object]:
    return {"clip_id": f"{place:032x}", "source_id": "s", "modality": modality, "source_sha256": "0", "start_s": 0.0,
            "end_s": 4.0, **GOOD[modality], **changes}


@pytest.fixture
def clips(tmp_path):
    """A version of `clips` with every fault once and five good ones of each modality."""
    rows = [clip(i, modality, **change) for i, (modality, change, _) in enumerate(FAULTS)]
    rows += [clip(1000 + i, modality) for i, modality in enumerate(list(GOOD) * 5)]
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    facts = [lake.write_part(CLIPS, "v", f"{i}.parquet", CLIPS.rows(rows[i::2])) for i in range(2)]
    lake.write_json({"rows": len(rows), "files": facts, "job": "measure"}, "clips", "v", "manifest.json")
    version = lake.version(CLIPS, "v")
    assert version is not None
    return version


@pytest.mark.parametrize(("modality", "change", "reason"), FAULTS)
def test_the_default_policy_names_each_fault(modality, change, reason):
    verdict = judge(dict.fromkeys(CLIPS.schema.names) | clip(1, modality, **change), resolve(Policy()))
    assert verdict.stops
    assert verdict.stops[0][1].code == reason


@pytest.mark.parametrize("shot_s", [18.0, 20.0, 33.0, 60.0, 3600.0])
@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_drops_a_shot_for_the_length_to_which_it_is_cut(preset: str, shot_s: float) -> None:
    settings = Measure()
    found = spans(np.arange(0, shot_s, 1 / 25), shot_s, [], settings.min_clip_s, settings.max_clip_s, settings.trim_s)
    checks = [check for check in resolve(Policy(preset=preset)) if check.name == "duration"]
    rows = [{**dict.fromkeys(columns(checks)), **clip(0, "video", duration_s=end - start)} for start, end in found]
    assert rows
    assert not [why.code for row in rows for _, why in judge(row, checks).stops]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("modality", GOOD)
def test_every_preset_keeps_a_good_clip(preset, modality):
    assert judge(dict.fromkeys(CLIPS.schema.names) | clip(1, modality), resolve(Policy(preset=preset))).kept


def test_the_funnel_is_the_one_we_agreed_on(clips, bless):
    text = whatif(clips, Policy()).text()
    if bless:
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_everything_adds_up_and_the_job_says_what_whatif_says(clips):
    settings = Settings()
    part = judge_task(Task((), tuple(clips.slices()), "p", "r"), settings)
    funnel = whatif(clips, settings.recipe.policy)
    rejects = part.tables["rejects"].to_pylist()
    decisive = [r for r in rejects if r["decisive"]]
    assert part.seen == part.kept + len(decisive) == funnel.seen == clips.rows
    assert part.kept == funnel.kept == 20
    assert len({r["sample_id"] for r in rejects}) == len(decisive)
    assert len(rejects) == sum(funnel.failed.values()) > len(decisive)
    black = [r for r in rejects if r["sample_id"] == f"{5:032x}"]
    assert [r["reason"] for r in black if r["decisive"]] == ["black"]
    assert {"black", "frozen", "static", "too_dark"} <= {r["reason"] for r in black}
    assert all(r["value"] is not None and r["op"] in "<>" and r["threshold"] is not None for r in rejects)


def test_everything_drops_nothing_and_counts_all(clips):
    funnel = whatif(clips, Policy(preset="everything"))
    assert funnel.kept == funnel.seen
    assert funnel.warned["black"] == 1
    assert not funnel.rejected


def test_what_a_check_alone_drops_is_won_back_by_turning_it_off(clips):
    before = whatif(clips, Policy())
    for check, count in before.alone.items():
        after = whatif(clips, Policy(filters={check: {"severity": "off"}}))
        assert after.kept == before.kept + count, check


def test_finetune_is_stricter_in_every_limit():
    loose = {c.name: c for c in resolve(Policy())}
    for check in resolve(Policy(preset="finetune")):
        for limit in check.filter.limits:
            ours, theirs = getattr(check.config, limit.field), getattr(loose[check.name].config, limit.field)
            if theirs is not None:
                assert ours >= theirs if limit.op == "<" else ours <= theirs, (check.name, limit.field)


@pytest.mark.parametrize(("given_filters", "says"), [
    ({"durations": {"min_s": 2}}, "the nearest is 'duration'"), ({"duration": {"min_ss": 2}}, "the nearest is 'min_s'"),
    ({"duration": {"min_s": "long"}}, "duration.min_s = 'long'"), ({"black": {"severity": "hard"}}, "black.severity = 'hard'"),
    ({"duration": {"min_s": float("nan")}}, "duration.min_s = nan"), ({"black": {"max_share": float("inf")}}, "black.max_share = inf"),
    ({"duration": {"min_s": 90}}, "min_s = 90 is more than max_s = 60: nothing would be kept"),
])
def test_a_wrong_name_or_value_is_named_with_the_nearest(given_filters, says):
    with pytest.raises(SettingsError, match=says):
        resolve(Policy(filters=given_filters))


def test_an_override_beats_the_preset():
    check = next(c for c in resolve(Policy(preset="finetune", filters={"duration": {"min_s": 3}})) if c.name == "duration")
    assert (check.config.min_s, check.config.max_s) == (3.0, 20.0)


NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-10, 10**6))


@given(st.sampled_from(list(GOOD)), st.sampled_from(list(PRESETS)), st.integers(0, 10**9), NUMBERS)
def test_any_numbers_give_exactly_one_decisive_reason_or_none(modality, preset, seed, odd):
    """Judged are kept plus rejected, whatever the numbers: none missing, none twice, no exception."""
    row = dict.fromkeys(CLIPS.schema.names) | clip(1, modality)
    spoilt = random.Random(seed).sample([n for n in GOOD[modality] if n not in ("text", "lang_detected", "duration_s", "width",
                                                                               "height", "fps", "frame_count")], 3)
    row |= dict.fromkeys(spoilt, odd)
    verdict = judge(row, resolve(Policy(preset=preset)))
    rows = reject_rows(row, verdict)
    assert sum(r["decisive"] for r in rows) == (0 if verdict.kept else 1)
    assert len({r["check"] for r in rows}) == len(rows)


def test_only_judged_columns_are_read():
    names = columns(resolve(Policy()))
    assert not {"frames", "text", "audio_fingerprint", "phashes", "caption", "title"} & set(names)
    assert {"clip_id", "source_id", "modality"} <= set(names)


@pytest.mark.parametrize(("name", "field"), [(name, field) for name, found in filters().items() for field, about in found.config.model_fields.items()
                                             if "float" in str(about.annotation)])
def test_a_threshold_that_would_let_everything_pass_is_refused(name: str, field: str) -> None:
    """A percent for a share, a negative length, true for a number."""
    wrong = [True, "much", *([-1.0] if field not in ("min_lufs", "min_snr_db") else []), *([10, 50.0] if "share" in field or "silence" in field else [])]
    for value in wrong:
        with pytest.raises(SettingsError, match=rf"policy\.filters\.{name}\.{field} = "):
            resolve(Policy(filters={name: {field: value}}))


@pytest.mark.parametrize("word", ["klingon", "xx-YY", "zhh", ""])
def test_what_is_no_language_is_not_wanted(word):
    with pytest.raises(SettingsError, match=r"policy\.filters\.language\.wanted.*is no language"):
        resolve(Policy(filters={"language": {"wanted": ["en", word]}}))
