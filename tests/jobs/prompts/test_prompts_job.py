import json
import re
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.prompts import job
from jobs.prompts.storyboard import MAX_SHOTS
from schemas import PROMPTS, SAMPLES
from schemas.loading import load
from schemas.settings import Settings

SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"


def settings(*texts: str, **more: Any) -> Settings:
    return load(
        [
            f"prompts.texts={json.dumps(texts, ensure_ascii=False)}",
            *(f"{k.replace('__', '.')}={json.dumps(v)}" for k, v in more.items()),
        ],
        env={},
    )


def test_the_seed_sentence_becomes_a_row() -> None:
    kept, rejected = job.from_user(settings(SEED, prompts__aspect="1:1", prompts__seed=11))
    assert rejected == []
    (row,) = PROMPTS.rows(kept).to_pylist()
    assert (row["lang"], row["origin"], row["aspect"], row["seed"], row["safety"]) == ("zh", "user", "1:1", 11, "ok")
    assert "".join(s["narration"] for s in row["shots"]) == SEED
    assert job.from_user(settings(SEED, prompts__aspect="1:1", prompts__seed=11))[0] == kept
    assert job.from_user(settings(SEED, prompts__aspect="1:1", prompts__seed=12))[0][0]["prompt_id"] != row["prompt_id"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty_prompt"),
        ("   \n", "empty_prompt"),
        ("🎉🏔️✨", "empty_prompt"),
        ("\x00\x07\u200b", "empty_prompt"),
        ("<div><img src=x></div>", "empty_prompt"),
        ("！？。，", "empty_prompt"),
        ("山" * 10_000, "prompt_too_long"),
        ("Сегодня мы поехали в горы, и там было очень красиво", "unspoken"),
        ("今日は海に行きました。とても楽しかった。", "unspoken"),
        ("วันนี้เราไปทะเล ท้องฟ้าสวยมาก", "unspoken"),
        ("ذهبنا اليوم إلى البحر وكان الجو جميلا", "unspoken"),
        ("2026", "unspoken"),
        ("We say שלום to the sea", "missing_glyphs"),
        ("𠮷野家的牛肉饭很好吃", "missing_glyphs"),
        ("how to build a bomb in the kitchen", "unsafe"),
        ('{"text": "x", "aspect": "4:3"}', "bad_row"),
        ('{"text": ["x"]}', "bad_row"),
        ('{"text": "x", "seed": 99999999999999999999}', "bad_row"),
        ('{"text": "x", "seed": 1.9}', "bad_row"),
        ('{"text": "x", "shots": 5}', "bad_row"),
        ('{"text": "今天去了西藏", "aspect": "16:9",}', "bad_row"),
        ('{"aspect": "16:9"}', "empty_prompt"),
        ('{"shots": [{"prompt": null, "narration": "x"}]}', "bad_row"),
        ('{"shots": [{"prompt": "sea", "narration": null}]}', "empty_prompt"),
        ("zwei kleine Katzen am Meer", "unspoken"),
        ("\ud800", "empty_prompt"),
        ('{"text": "sea", "shots": [{"prompt": "the sea"}]}', "empty_prompt"),
        ('{"shots": [{"prompt": "the sea"}, {"narration": "no picture"}]}', "bad_row"),
        ('{"text": "waves", "shots": [{"prompt": "the sea", "narration": "🎉"}]}', "empty_prompt"),
        ('{"shots": [{"prompt": "child porn", "narration": "hello there"}]}', "unsafe"),
        ('{"shots": [{"prompt": "😀", "narration": "hello there"}]}', "empty_prompt"),
        ('{"shots": [{"prompt": "<b></b>", "narration": "hello there"}]}', "empty_prompt"),
    ],
)
def test_bad_input_is_rejected_with_its_reason(text: str, reason: str) -> None:
    (kept,), rejected = job.from_user(settings(text, "A quiet lake at dawn"))
    assert kept["text"] == "A quiet lake at dawn"
    assert [r["reason"] for r in rejected] == [reason]
    assert rejected[0]["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "我爱 Python 和 AI，今天很开心。",
        "<b>海边</b>的<i>日落</i>",
        "# 标题\n\n**粗体**的雪山",
        "Snow 🏔️ on the peaks!\x07",
        "\ud800Half a character is none",
        '{"text": "By \\ud800 the sea"}',
        "We saw 西藏 and it was beautiful.",
        "价格是 3.5 元，涨了 20%！",
        "a" * 1500,
        "山，" * 500,
        "We walk. " * 220,
        "我哋今日去咗海邊，啲風景真係好靚。",
    ],
)
def test_odd_input_is_kept_without_what_cannot_be_said(text: str) -> None:
    (row,), rejected = job.from_user(settings(text))
    assert rejected == []
    said = "".join(s["narration"] for s in row["shots"])
    assert not set("<>*#🏔️\x07") & set(said)
    assert 1 <= len(row["shots"]) <= MAX_SHOTS
    assert re.sub(r"\W", "", said) == re.sub(r"\W", "", row["text"])


@pytest.mark.parametrize(("prompt", "narration", "kept"), [("the sea", "a" * 61, 0), ("s" * 121, "a", 0), ("s" * 120, "a" * 59, 1)])
def test_what_a_storyboard_says_in_all_and_shows_in_a_shot_is_no_longer_than_a_text_may_be(prompt: str, narration: str, kept: int) -> None:
    board = json.dumps({"text": "waves", "shots": [{"prompt": prompt, "narration": narration}] * 2, "lang": "en"})
    rows, rejected = job.from_user(settings(board, prompts__max_chars=120))
    assert (len(rows), [r["reason"] for r in rejected]) == (kept, ["prompt_too_long"] * (1 - kept))


def test_the_same_text_three_times_is_kept_once_and_rejected_twice_under_its_own_ids() -> None:
    kept, rejected = job.from_user(settings(SEED, SEED, SEED))
    assert len(kept) == 1
    assert [r["reason"] for r in rejected] == ["duplicate_prompt"] * 2
    assert len({r["sample_id"] for r in rejected}) == 2


def test_what_is_filmed_in_another_way_is_another_prompt_and_another_video() -> None:
    """Else a target would hand out the video that was made before."""
    from jobs.publish.job import key_of

    two = [json.dumps({"text": "OK 2024", "lang": lang}) for lang in ("zh", "en")]
    (zh, en), rejected = job.from_user(settings(*two))
    assert rejected == []
    (world,), (plain,) = job.from_user(settings(SEED))[0], job.from_user(settings(SEED, generate__model="owner/model"))[0]
    shots = [{**shot, "duration_s": 5.0} for shot in plain["shots"]]
    (longer,), _ = job.from_user(settings(json.dumps({"text": SEED, "shots": shots})))
    assert world["text"] == plain["text"] == longer["text"]
    rows = [zh, en, world, plain, longer]
    assert len({row["prompt_id"] for row in rows}) == len({key_of(row, [], settings(), "folder") for row in rows}) == len(rows)


@pytest.mark.parametrize(("tag", "lang"), [("zh-Hans", "zh"), ("zh_TW", "zh"), ("cmn-Hans-CN", "zh"), ("EN", "en"), ("en-GB", "en"), ("yue-HK", "yue")])
def test_a_language_may_be_told_as_everybody_writes_it(tag: str, lang: str) -> None:
    (row,), none = job.from_user(settings(f'{{"text": "今天去了海边 hello", "lang": "{tag}"}}'))
    assert (row["lang"], none) == (lang, [])


def test_a_blocked_word_of_settings() -> None:
    _, (reject,) = job.from_user(settings("A day at Acme", prompts__blocklist=["acme"]))
    assert (reject["reason"], "acme" in reject["detail"]) == ("unsafe", True)


def test_a_draw_from_a_release_says_where_it_came_from_and_counts_what_it_looked_at() -> None:
    texts = [
        "A red fox runs over the snow",
        "A red fox runs over the snow!",
        "Waves break on a rocky coast",
        "how to make a bomb quickly",
        "An old tram crosses the bridge",
    ]
    rows = [
        {"sample_id": f"s{i}", "caption": t, "title": None, "text": None, "engagement": None, "embedding": None}
        for i, t in enumerate(texts)
    ]
    kept, rejected = job.from_release(rows, settings(prompts__count=5))
    assert sorted(r["text"] for r in kept) == sorted([t for t in texts if "fox" not in t and "bomb" not in t]
                                                     + [next(r["text"] for r in kept if "fox" in r["text"])])
    assert sorted(r["reason"] for r in rejected) == ["duplicate_prompt", "unsafe"]
    for row in kept:
        assert row["origin"] == "release"
        assert [texts[int(s[1:])] for s in row["sample_ids"]] == [row["text"]]
    assert job.from_release(rows[::-1], settings(prompts__count=5)) == (kept, rejected)
    few, none = job.from_release(rows, settings(prompts__count=1))
    assert (len(few), len(none)) in ((1, 0), (1, 1))


def test_no_release_and_no_text_ends_with_what_to_do(tmp_path: Any) -> None:
    from jobs.lake import Lake
    from jobs.run import Run

    run = Run(job.PROMPTS_JOB, settings(), Lake(str(tmp_path)), {}, "f")
    with pytest.raises(Terminal, match="--prompt TEXT"):
        job.PROMPTS_JOB.run(run)


def test_user_texts_need_no_release(tmp_path: Any) -> None:
    from jobs.lake import Lake
    from jobs.run import Run

    run = Run(job.PROMPTS_JOB, settings(SEED, ""), Lake(str(tmp_path)), {}, "f")
    job.PROMPTS_JOB.run(run)
    (facts,) = run._done.values()
    assert (facts["seen"], facts["kept"], facts["rejected"]) == (2, 1, {"empty_prompt": 1})


def test_storyboards_depend_on_what_the_model_knows() -> None:
    plain = settings(SEED, generate__model="owner/model")
    assert job.outside(plain) != job.outside(settings(SEED))
    assert "电影质感" in job.from_user(plain)[0][0]["shots"][0]["prompt"]


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(Terminal, match="no narrator 'robot'"):
        job.from_user(settings(SEED, publish__voice="robot"))


def test_a_release_without_words_says_what_to_do(tmp_path: Path) -> None:
    row = {"sample_id": "s", "source_id": "s", "modality": "image", "split": "train", "uri": "u", "start_s": 0.0, "end_s": 0.0, "duration_s": 0.0,
           "labels": [], "cut": "whole"}
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    facts = lake.write_part(SAMPLES, "v", "p.parquet", SAMPLES.rows([row]))
    lake.write_json({"rows": 1, "files": [facts]}, "samples", "v", "manifest.json")
    with pytest.raises(Terminal, match="--prompt TEXT"):
        job.planned(settings(), lake.version(SAMPLES, "v"))
