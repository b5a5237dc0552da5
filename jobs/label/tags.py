"""Zero-shot classification over a vocabulary: prompt ensembles, the model's own temperature, and an explicit unknown."""

import contextlib
import fcntl
import heapq
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from jobs.errors import Terminal
from jobs.label.clip import Tower, Vectors, compared, unit
from jobs.label.vocabulary import UNKNOWN, Group, sample_world, sentences, short_video
from jobs.version import digest

LANGUAGE_RECALL = 0.5
"""Share of Chinese words whose nearest English word must be their own before a model is asked in Chinese."""
PARCELS = 256
"""Files that the vectors of a vocabulary are kept in: of a changed tag those are made anew that its old and new sentences lie in, 16 at most."""


@dataclass(frozen=True)
class Classes:
    """A group ready to be compared: one vector per tag, then one per word for none of them; they lie as `clip.compared` likes them."""

    name: str
    tags: tuple[str, ...]
    vectors: Vectors


def speaks_chinese(tower: Tower) -> bool:
    """Whether Chinese words land near their English ones: a model that never read Chinese puts them anywhere.

    Measured on the first words of one group of the default vocabulary: the share of Chinese words whose nearest English word is
    their own must be LANGUAGE_RECALL at least.
    """
    group = sample_world()[0] if tower.weights.of_sample_world else short_video()[0]
    english = [words.split("|")[0] for words, _ in group.tags.values()]
    chinese = [words.split("|")[0] for _, words in group.tags.values()]
    both = _embedded(tower, [*english, *chinese])
    nearest = (both[len(english) :] @ both[: len(english)].T).argmax(axis=1)
    return float((nearest == np.arange(len(english))).mean()) >= LANGUAGE_RECALL


def classes(tower: Tower, groups: Sequence[Group]) -> tuple[Classes, ...]:
    """The vocabulary as vectors: the mean over all sentences of a tag, in every language that the model understands.

    Raises:
        Terminal: a tag has words only in a language that the model does not understand, or the same as another in those that it does.
    """
    langs = ("en", "zh") if speaks_chinese(tower) else ("en",)
    asked = {(g.name, i): _asked(words, langs) for g in groups for i, words in enumerate((*g.tags.values(), *g.none))}
    flat = sorted({text for texts in asked.values() for text in texts})
    known = dict(zip(flat, _embedded(tower, flat), strict=True))
    found = []
    for group in groups:
        count = len(group.tags) + len(group.none)
        said: dict[frozenset[str], str] = {}
        for i, tag in enumerate(group.tags):
            if (other := said.setdefault(frozenset(asked[group.name, i]), tag)) != tag:
                raise Terminal(f"label.vocabulary: {other!r} and {tag!r} of group {group.name!r} have the same English words, and the model does not "
                               "understand Chinese; drop one, they would share its probability")
        means = [np.mean([known[t] for t in asked[group.name, i]], axis=0) for i in range(count)]
        found.append(Classes(group.name, tuple(group.tags), compared(unit(np.stack(means)))))
    return tuple(found)


def _asked(words: tuple[str, str], langs: Sequence[str]) -> list[str]:
    texts = [text for lang, w in zip(("en", "zh"), words, strict=True) if lang in langs for text in sentences(w, lang)]
    if not texts:
        raise Terminal(f"label.vocabulary: {words[1]!r} has no English words, and the model does not understand Chinese; add some")
    return texts


def probabilities(group: Classes, frames: Vectors, scale: float) -> dict[str, float]:
    """Probability of every tag and of `unknown`: softmax over the mean cosine of the frames, at the model's temperature.

    The nearest word for none of the tags stands for `unknown`: the sum over all of them would grow with their number.
    """
    cosines = (frames @ group.vectors.T).mean(axis=0).astype(np.float64)
    count = len(group.tags)
    logits = scale * np.append(cosines[:count], cosines[count:].max())
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    return dict(zip((*group.tags, UNKNOWN), shares.tolist(), strict=True))


def claimed(shares: dict[str, float], top_k: int) -> list[tuple[str, float]]:
    """The `top_k` likeliest tags; nothing that is less likely than `unknown` is claimed, and where that leads it stands alone."""
    floor = shares[UNKNOWN]
    above = [(-share, tag) for tag, share in shares.items() if share >= floor and (-share, tag) < (-floor, UNKNOWN)]
    return [(tag, -share) for share, tag in heapq.nsmallest(top_k, above)] or [(UNKNOWN, floor)]


def _embedded(tower: Tower, texts: Sequence[str]) -> Vectors:
    """Vectors of fixed texts, kept in the user's cache folder by weights and texts, so that a new worker need not ask again: in parcels, so
    that a vocabulary of which some words change is not embedded anew as a whole. Of workers that start together one embeds and the others wait."""
    parcels: dict[int, list[str]] = {}
    for text in sorted(set(texts)):
        parcels.setdefault(crc32(text.encode()) % PARCELS, []).append(text)
    folder = Path(os.environ.get("REELMILL_CACHE", Path.home() / ".cache" / "reelmill")) / "text"
    name = f"{tower.weights.revision}-{tower.device}"
    wanted = {folder / f"{name}-{digest([tower.weights.name, *some])[:16]}.npy": some for some in parcels.values()}
    known = _kept(wanted)
    if set(texts) - known.keys():
        with _alone(folder / f"{name}.lock"):
            known = _kept(wanted)
            missing = {file: some for file, some in wanted.items() if set(some) - known.keys()}
            fresh = [text for some in missing.values() for text in some]
            known |= zip(fresh, tower.text(fresh), strict=True)
            tower.forget()
            for file, some in missing.items():
                _keep(file, np.stack([known[text] for text in some]))
    return np.stack([known[text] for text in texts])


def _kept(wanted: Mapping[Path, Sequence[str]]) -> dict[str, Vectors]:
    """Vectors of the parcels that are there and whole."""
    known: dict[str, Vectors] = {}
    for file, some in wanted.items():
        with contextlib.suppress(OSError, ValueError, EOFError):
            known |= zip(some, np.asarray(np.load(file, allow_pickle=False), dtype=np.float32), strict=True)
    return known


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold a lock of this machine, which ends with its process; where there can be none, all do the work."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context(open(file, "ab")), fcntl.LOCK_EX)
        yield


def _keep(file: Path, vectors: Vectors) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        passing = file.with_name(f"{file.stem}.{os.getpid()}.tmp.npy")
        np.save(passing, vectors, allow_pickle=False)
        os.replace(passing, file)
    except OSError:  # a cache that cannot be written costs time, nothing else
        return
