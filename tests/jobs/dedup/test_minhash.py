"""Shingles against sets of tuples, signatures against datasketch bit for bit, Jaccard against Python sets."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from datasketch import LeanMinHash, MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup import minhash

WORDS = st.sampled_from(["sea", "Sea", "日", "落", "かな", "x1", "é", "e\u0301", "ﬁre", "Ａ", "한국", "नमस्ते", "שלום", "١٢", "か\u3099", "葛\U000e0100", "\u0301x",
                         "so\u00adft", "ที่นี่", "ក្ក1"])
GAPS = st.sampled_from([" ", "，", "...", " 😀 ", "\t", "\u200b", "-", "❤\ufe0f", "\u0301"])
TEXTS = st.one_of(st.lists(st.tuples(WORDS, GAPS)).map(lambda p: "".join(a + b for a, b in p)), st.text(max_size=40))


OWN = (*minhash.IDEOGRAPHS, *minhash.UNSPACED)


def tokens(text: str) -> list[str]:
    """The definition, a character at a time."""
    def among(char: str, ranges: Sequence[tuple[int, int]]) -> bool:
        return any(low <= ord(char) < high for low, high in ranges)

    found = [""]
    for char in unicodedata.normalize("NFKC", text).lower():
        kind = unicodedata.category(char)
        if (kind == "Cf" and ord(char) < 0x30000) or among(char, minhash.INVISIBLE):
            continue
        if kind[0] == "M":
            found[-1] += char if found[-1] else ""
        elif among(char, OWN) and (kind[0] in "LN" or ord(char) >= 0x20000):  # younger extensions, unknown to this Python, count too
            found.append(char)
        elif kind[0] in "LN" and ord(char) < 0x30000:
            found.append(char) if found[-1] and among(found[-1][0], OWN) else found.append(found.pop() + char)
        else:
            found.append("")
    return [word for word in found if word]


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = tokens(text)
    return {tuple(words[i:i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXTS), min_size=1, max_size=6), st.integers(1, 4))
def test_shingles_are_the_n_grams_of_the_words(texts, n):
    found = minhash.shingles(pa.array(texts, pa.string()), n)
    assert found.words.tolist() == [len(tokens(t or "")) for t in texts]
    for i, text in enumerate(texts):
        hashes = set(found.hashes[found.offsets[i]:found.offsets[i + 1]].tolist())
        assert len(hashes) == len(grams(text or "", n))
    x, y = np.arange(len(texts)), np.arange(len(texts))[::-1].copy()
    for a, b, score in zip(x, y, minhash.jaccard(*minhash.sets(found.hashes, found.offsets), x, y), strict=True):
        one, two = grams(texts[a] or "", n), grams(texts[b] or "", n)
        assert score == pytest.approx(len(one & two) / max(1, len(one | two)))


@pytest.mark.parametrize("text", ["กรุงเทพมหานครเป็นเมืองหลวงและนครที่มีประชากรมากที่สุดของประเทศไทย", "ວຽງຈັນແມ່ນນະຄອນຫຼວງຂອງປະເທດລາວ",
                                  "ရန်ကုန်မြို့သည်မြန်မာနိုင်ငံ၏အကြီးဆုံးမြို့ဖြစ်သည်", "ភ្នំពេញជារាជធានីនិងជាទីក្រុងធំបំផុតរបស់ប្រទេសកម្ពុជា"])
def test_texts_without_spaces_are_near_when_they_differ_at_one_end(text):
    found = minhash.shingles(pa.array([text, text[:-1], text[::-1]]), 3)
    near, far = minhash.jaccard(*minhash.sets(found.hashes, found.offsets), np.array([0, 0]), np.array([1, 2]))
    assert near >= 0.9
    assert far < 0.1
    assert len(np.unique(minhash.shingles(pa.array(["มี", "มิ", "ม"]), 1).keys, axis=0)) == 3, "marks tell words apart"


def test_what_is_not_seen_is_not_there_and_a_mark_begins_no_word():
    texts = ["❤\ufe0f", "☀\ufe0f", "soft\u00adened by the t\u200bide", "softened \u202aby the\u202c tide", "葛\U000e0100城", "葛城"]
    found = minhash.shingles(pa.array(texts), 1)
    assert found.words.tolist() == [0, 0, 4, 4, 2, 2]
    assert [len(np.unique(found.keys[i:i + 2], axis=0)) for i in (2, 4)] == [1, 1]


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS)
def test_keys_are_equal_where_the_words_are(a, b):
    found = minhash.shingles(pa.array([a, b]), 1)
    assert (found.keys[0].tolist() == found.keys[1].tolist()) == (tokens(a) == tokens(b))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=50), min_size=1, max_size=5), st.sampled_from([16, 128, 256]))
def test_signatures_are_those_of_datasketch(sets, count):
    hashes = np.array([h for s in sets for h in s], np.uint32)
    offsets = np.cumsum([0, *map(len, sets)])
    signed = minhash.signatures(hashes, offsets, count)
    for row, one in zip(signed, sets, strict=True):
        sketch = MinHash(count, scheme="affine32", hashfunc=lambda h: h)
        sketch.update_batch(one)
        assert np.array_equal(row, sketch.hashvalues)


def test_sketches_cross_the_border_both_ways():
    found = minhash.shingles(pa.array(["the tide came in over the sand at noon", "the tide came in over the sand at dusk"]), 2)
    signed = minhash.signatures(found.hashes, found.offsets, 128)
    ours = [minhash.to_datasketch(row) for row in signed]
    assert ours[0].jaccard(ours[1]) == pytest.approx(np.mean(signed[0] == signed[1]))
    lsh = MinHashLSH(threshold=0.5, num_perm=128)
    lsh.insert("a", ours[0])
    assert lsh.query(ours[1]) == ["a"]
    assert np.array_equal(minhash.from_datasketch(ours[1]), signed[1])
    assert np.array_equal(minhash.from_datasketch(LeanMinHash(ours[1])), signed[1])


@pytest.mark.parametrize("foreign", [MinHash(scheme="legacy"), MinHash(seed=2), MinHash(scheme="affine64")])
def test_sketches_that_cannot_be_compared_are_refused(foreign):
    with pytest.raises(ValueError, match="cannot be compared"):
        minhash.from_datasketch(foreign)


def test_bands_come_from_datasketch_with_the_weight_of_recall():
    lsh = MinHashLSH(threshold=0.8, num_perm=128, weights=(0.1, 0.9))
    assert minhash.banding(0.8, 128, 0.9) == (lsh.b, lsh.r) == (14, 9)
    assert minhash.banding(0.8, 128, 0.5) == (9, 13)
    assert minhash.banding(0.8, 128, 0.98) == (17, 7)
    assert [minhash.banding(t, 16, w) for t, w in ((1.0, 0.98), (0.8, 0.0))] == [(2, 8), (2, 8)]


def test_bands_meet_exactly_where_their_rows_are_equal():
    rng = np.random.default_rng(0)
    signed = rng.integers(0, 3, (40, 12), np.uint32)
    hashes = minhash.bands(signed, 4, 3)
    for a in range(40):
        for b in range(a):
            equal = (signed[a].reshape(4, 3) == signed[b].reshape(4, 3)).all(axis=1)
            assert ((hashes[a] == hashes[b]) == equal).all()
    assert len(np.unique(hashes)) == sum(len(np.unique(signed[:, j:j + 3], axis=0)) for j in (0, 3, 6, 9))


def test_a_text_of_ten_megabytes_and_a_slice_of_a_column():
    long = "日落 over the sea " * 600_000
    whole = pa.array(["first", long, "last one"])
    found = minhash.shingles(whole.slice(1), 3)
    assert found.words.tolist() == [5 * 600_000, 2]
    assert found.keys[1].tolist() == minhash.shingles(pa.array(["Last ONE!"]), 3).keys[0].tolist()


def test_a_shingle_of_no_words_is_refused():
    with pytest.raises(ValueError, match="1 to 8"):
        minhash.shingles(pa.array(["a"]), 0)
