"""Texts for the benches of dedup: drawn words, planted near-duplicates with a known rate of edits, a hot boilerplate text.

A third of the texts are Chinese, a tenth are captions of three words, the rest are English of some 60 words. Three tenths
are edited copies of others (0 to 12 % of the words replaced, inserted or deleted).
"""

from collections.abc import Iterator

import numpy as np

BOILERPLATE = "Thanks for watching! Please like, share and subscribe to our channel for more videos every week."
TEMPLATES = (
    BOILERPLATE,
    "Thanks for watching video number {}! Please like, share and subscribe to our channel for more videos every week, tell your friends "
    "about it, and do not forget to ring the bell so that you never miss what we make for you on Mondays, Wednesdays and Fridays.",
    "Thanks for watching video number {}! Please like, share and subscribe to our channel for more videos every week.",
)
"""Boilerplate: one and the same; with a number, so that any two have a Jaccard similarity of 0.86; with a number, and of 0.67."""
RATES = (0, 0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12)


def texts(n: int, seed: int = 7, hot: int = 0, batch: int = 50_000, template: str = BOILERPLATE) -> Iterator[list[str]]:
    """`n` texts in batches; `hot` of them, spread evenly, are a boilerplate, whose braces hold a number."""
    vocabulary, han = _words(np.random.default_rng(1)), [chr(c) for c in range(0x4E00, 0x4E00 + 4500)]
    step = n // hot if hot else 0
    for first in range(0, n, batch):
        rng = np.random.default_rng((seed, first))
        made: list[str] = []
        for i in range(first, min(n, first + batch)):
            if step and i % step == 0 and i // step < hot:
                made.append(template.format(i))
                continue
            if len(made) > 10 and rng.random() < 0.3:
                made.append(_edited(made[int(len(made) * rng.random() ** 2)], rng, vocabulary, han))
                continue
            kind = rng.random()
            if kind < 0.33:
                made.append("".join(han[j] for j in np.minimum(rng.zipf(1.3, int(rng.integers(15, 160))) % 4500, 4499)))
            else:
                count = 3 if kind < 0.43 else int(rng.integers(20, 110))
                made.append(" ".join(vocabulary[j] for j in rng.zipf(1.25, count) % len(vocabulary)))
        yield made


def _words(rng: np.random.Generator) -> list[str]:
    letters = np.array(list("etaoinshrdlcumwfgypbvkjxqz"))
    return ["".join(letters[(rng.random(k) ** 2 * 26).astype(int)]) for k in rng.integers(2, 11, 30_000)]


def _edited(text: str, rng: np.random.Generator, vocabulary: list[str], han: list[str]) -> str:
    chinese = not text.isascii()
    words = list(text) if chinese else text.split(" ")
    pool = han if chinese else vocabulary
    for _ in range(rng.binomial(len(words), RATES[int(rng.integers(len(RATES)))])):
        at, how = int(rng.integers(len(words))), int(rng.integers(3))
        if how == 0:
            words[at] = pool[int(rng.integers(len(pool)))]
        elif how == 1:
            words.insert(at, pool[int(rng.integers(len(pool)))])
        elif len(words) > 2:
            del words[at]
    return ("" if chinese else " ").join(words)
