"""Zero-shot classification with a tower whose vectors are known."""

import fcntl
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jobs.errors import Terminal
from jobs.label import tags, vocabulary
from jobs.label.labelers.clip_text_similarity import understood
from jobs.label.vocabulary import Group
from schemas.settings import Label


class Words:
    """A model in which the words of one idea share a direction; `blind` to Chinese if so asked."""

    def __init__(self, ideas, blind=False):
        self.ideas, self.blind = ideas, blind
        self.weights = SimpleNamespace(name="known", revision=f"blind-{blind}", of_sample_world=False)
        self.device, self.scale = "cpu", 20.0

    def text(self, texts):
        rng = np.random.default_rng(1)
        out = np.zeros((len(texts), len(self.ideas) + 64), np.float32)
        for row, text in zip(out, texts, strict=True):
            unread = self.blind and not text.isascii()
            hits = [] if unread else [i for i, words in enumerate(self.ideas) if any(w in text for w in words)]
            if not hits:
                row[len(self.ideas) + rng.integers(64)] = 1
            for i in hits:
                row[i] = 1
        return tags.unit(out)

    def forget(self):
        pass


GROUP = Group("subject", {"dog": ("a dog", "狗"), "cat": ("a cat", "猫")}, (("something", "某物"),))
IDEAS = [("dog", "狗"), ("cat", "猫"), ("something", "某物")]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REELMILL_CACHE", str(tmp_path))


def picture(*weights):
    vector = np.zeros((1, len(IDEAS) + 64), np.float32)
    vector[0, : len(weights)] = weights
    return tags.unit(vector)


def shares(frames):
    return tags.probabilities(tags.classes(Words(IDEAS), [GROUP])[0], frames, 20.0)


def test_the_tag_in_the_picture_leads_and_the_shares_add_up():
    found = shares(picture(1, 0.2, 0.1))
    assert tags.claimed(found, 3)[0][0] == "dog"
    assert sum(found.values()) == pytest.approx(1)


def test_nothing_less_likely_than_unknown_is_claimed():
    assert [t for t, _ in tags.claimed(shares(picture(1, 0.1, 0.5)), 3)] == ["dog"]
    assert [t for t, _ in tags.claimed(shares(picture(0.1, 0.1, 1)), 3)] == ["unknown"]
    assert [t for t, _ in tags.claimed(shares(picture(1, 0.9, 0.1)), 1)] == ["dog"]


@pytest.mark.parametrize("top_k", [1, 3, 50])
def test_claims_are_the_head_of_all_tags_in_order_with_ties_by_name(top_k):
    rng = np.random.default_rng(top_k)
    for _ in range(200):
        names = [*(f"t{i}" for i in range(20)), "unknown", "zebra"]
        found = {name: float(share) for name, share in zip(names, rng.integers(0, 9, len(names)) / 9, strict=True)}
        ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        before = ranked[: [tag for tag, _ in ranked].index("unknown")][:top_k]
        assert tags.claimed(found, top_k) == (before or [("unknown", found["unknown"])])


def test_a_changed_tag_leaves_the_vectors_of_the_others_as_they_were_kept(tmp_path):
    asked = []

    class Counting(Words):
        def text(self, texts):
            asked.extend(texts)
            return super().text(texts)

    held = {f"tag{i}": (f"a dog {i}", f"狗{i}") for i in range(400)}
    first = tags.classes(Counting(IDEAS), [Group("subject", held)])[0]
    count = len(asked)
    asked.clear()
    again = tags.classes(Counting(IDEAS), [Group("subject", held)])[0]
    assert not asked
    assert np.array_equal(first.vectors, again.vectors)
    changed = tags.classes(Counting(IDEAS), [Group("subject", held | {"tag7": ("a cat seven", "猫七")})])[0]
    assert "a cat seven" in asked
    assert len(asked) < 0.2 * count
    assert (changed.vectors[7] != first.vectors[7]).any()
    assert np.array_equal(changed.vectors[8], first.vectors[8])


def test_kept_vectors_that_are_damaged_are_made_anew(tmp_path):
    whole = tags.classes(Words(IDEAS), [GROUP])[0]
    for n, file in enumerate(sorted((tmp_path / "text").glob("*.npy"))):
        file.write_bytes(file.read_bytes()[:40]) if n % 2 else np.save(file, np.zeros((0, 3), np.float32))
    assert np.array_equal(tags.classes(Words(IDEAS), [GROUP])[0].vectors, whole.vectors)


def test_frames_are_pooled_and_not_only_the_middle_one_counts():
    both = np.concatenate([picture(1, 0, 0), picture(0, 1, 0), picture(1, 0, 0)])
    assert [t for t, _ in tags.claimed(shares(both), 3)] == ["dog", "cat"]


def test_a_model_blind_to_chinese_is_asked_in_english_alone():
    group = vocabulary.short_video()[0]
    ideas = [(f"{english.split('|')[0]}", chinese) for english, chinese in group.tags.values()]
    assert tags.speaks_chinese(Words(ideas))
    blind = Words(ideas, blind=True)
    assert not tags.speaks_chinese(blind)
    assert not any(0x3400 <= ord(c) <= 0x9FFF for text in tags._asked(("a dog", "狗"), ("en",)) for c in text)


@pytest.mark.parametrize(
    ("text", "chinese", "expected"),
    [
        ("今天去了西藏", True, True),
        ("今天去了西藏", False, False),
        ("snowy mountains", False, True),
        ("in 西藏 with friends", False, True),
        ("Сегодня мы были в горах", True, False),
        ("東京タワーの夜景", True, False),
        ("优の良品的店", True, True),
        ("123", True, False),
        ("Pies biega po plaży i szczeka na fale", True, False),
        ("Ein Hund läuft am Strand entlang und bellt", True, False),
        ("Con chó chạy trên bãi biển vào buổi sáng", True, False),
        ("a red panda", True, True),
        ("Girl dancing in the rain " + "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20, True, True),
        ("Girl dancing in the rain", True, True),
    ],
)
def test_texts_that_the_model_cannot_read_are_not_compared(text, chinese, expected):
    assert understood(text, chinese) is expected


def test_a_vocabulary_in_settings_replaces_the_default_and_may_name_its_unknown():
    settings = Label(vocabulary={"g": {"a": ("an a", "甲"), "unknown": ("a b", "乙")}})
    (group,) = vocabulary.groups(settings)
    assert dict(group.tags) == {"a": ("an a", "甲")}
    assert group.none == (("a b", "乙"),)


@pytest.mark.parametrize(
    ("vocabulary_", "says"),
    [
        ({"g": {}}, "holds no tags"),
        ({"g": {"unknown": ("x", "")}}, "holds no tags"),
        ({"g": {"a": ("", " | ")}}, "no words"),
        ({"g": {"a": ("A  dog|cat", "狗"), "b": ("a dog | Cat", "狗")}}, "'a' and 'b'"),
        ({"g": {"a": ("dog|cat", "猫"), "b": ("cat|dog", "猫")}}, "'a' and 'b'"),
        ({"g": {"a/b": ("x", "")}}, "a/b"),
        ({"g": {" a": ("x", "")}}, "' a'"),
        ({"g": {"": ("x", "")}}, "''"),
        ({"g": {"a\nb": ("x", "")}}, "printable"),
    ],
)
def test_a_vocabulary_that_cannot_be_asked_for_is_refused_by_name(vocabulary_, says):
    with pytest.raises(Terminal, match=says):
        vocabulary.groups(Label(vocabulary=vocabulary_))


def test_odd_words_are_asked_for_as_they_are():
    (group,) = vocabulary.groups(Label(vocabulary={"g": {"{0}%s": ("{} a {b}|| c\t d ", ""), "🙂": ("smile 🙂", "微笑"), "x" * 200: ("y " * 5000, "")}}))
    words = group.tags["{0}%s"]
    assert vocabulary.phrases(words[0]) == ["{} a {b}", "c d"]
    assert "a photo of {} a {b}" in vocabulary.sentences(words[0], "en")
    made = tags.classes(Words(IDEAS), [group])[0]
    assert np.isfinite(made.vectors).all()


def test_words_in_a_language_that_the_model_does_not_understand_are_refused():
    group = Group("g", {"a": ("a dog", ""), "b": ("", "猫")})
    assert len(tags.classes(Words([(f"{e.split('|')[0]}", z) for e, z in vocabulary.short_video()[0].tags.values()]), [group])) == 1
    with pytest.raises(Terminal, match="猫"):
        tags.classes(Words(IDEAS, blind=True), [group])


def test_tags_that_differ_in_chinese_alone_are_refused_where_the_model_reads_none():
    group = Group("g", {"a": ("cat", "猫"), "b": ("cat", "狗"), "c": ("dog", "狗")})
    assert len(tags.classes(Words([(f"{e.split('|')[0]}", z) for e, z in vocabulary.short_video()[0].tags.values()]), [group])) == 1
    with pytest.raises(Terminal, match="'a' and 'b' of group 'g'.*same English"):
        tags.classes(Words(IDEAS, blind=True), [group])


def test_the_default_vocabularies_are_complete_and_apart():
    many = vocabulary.short_video()
    assert sum(len(g.tags) for g in many) >= 190
    for group in (*many, *vocabulary.sample_world()):
        assert all(en and zh for en, zh in group.tags.values())
        assert len({en for en, _ in group.tags.values()}) == len(group.tags)
    world = {tag for g in vocabulary.sample_world() for tag in g.tags}
    assert "dog" not in world
    assert vocabulary.groups(Label()) == vocabulary.sample_world()
    assert vocabulary.groups(Label(clip_model="ViT-B-32")) == many


def test_unsafe_is_what_looks_like_it_and_nothing_else():
    from jobs.label.labelers import safety

    ideas = [("blood", "血腥"), ("landscape", "风景"), ("dog", "狗")]
    group = tags.classes(Words(ideas), [safety.CONCEPTS])[0]

    def unsafe(*weights):
        vector = np.zeros((1, len(ideas) + 64), np.float32)
        vector[0, : len(weights)] = weights
        return safety.unsafe(tags.probabilities(group, tags.unit(vector), 20.0))

    assert unsafe(1, 0, 0) > 0.9
    assert unsafe(0, 1, 0) < 0.05


def test_many_words_for_none_weigh_no_more_than_one():
    crowd = Group("subject", dict(GROUP.tags), (("something", "某物"),) * 40)
    few, many = (tags.probabilities(tags.classes(Words(IDEAS), [g])[0], picture(0.6, 0, 0.4), 20.0) for g in (GROUP, crowd))
    assert few == pytest.approx(many)


def test_workers_that_start_together_embed_a_vocabulary_once(tmp_path):
    """The others wait for the first, and go on where it was killed."""
    import multiprocessing

    go = multiprocessing.get_context("fork")
    ready, counted = go.Barrier(3), go.Value("i", 0)

    class Slow(Words):
        def text(self, texts):
            with counted.get_lock():
                counted.value += len(texts)
            time.sleep(0.2)
            return super().text(texts)

    def worker():
        ready.wait()
        tags._embedded(Slow(IDEAS), ["a dog", "a cat", "something"])

    workers = [go.Process(target=worker) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)
    assert [one.exitcode for one in workers] == [0, 0, 0]
    assert counted.value == 3


def test_a_lock_whose_holder_was_killed_holds_nobody_up(tmp_path):
    holder = os.fork()
    if not holder:
        with tags._alone(tmp_path / "text" / "x.lock"):
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(holder, 0)[1]) == -signal.SIGKILL
    with open(tmp_path / "text" / "x.lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BlockingIOError), open(tmp_path / "text" / "x.lock", "ab") as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("place", ["file", "read-only"])
def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path, monkeypatch, place):
    where = tmp_path / "cache"
    if place == "file":
        where.write_text("")
    else:
        monkeypatch.setattr(Path, "mkdir", lambda *a, **k: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    monkeypatch.setenv("REELMILL_CACHE", str(where))
    assert tags._embedded(Words(IDEAS), ["a dog", "a cat"]).shape == (2, len(IDEAS) + 64)


def test_a_damaged_parcel_is_made_anew(tmp_path):
    first = tags._embedded(Words(IDEAS), ["a dog"])
    (file,) = (tmp_path / "text").glob("*.npy")
    for damaged in (b"", file.read_bytes()[:90], b"nonsense"):
        file.write_bytes(damaged)
        assert np.array_equal(tags._embedded(Words(IDEAS), ["a dog"]), first)
