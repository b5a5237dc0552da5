"""The job `prompts`: a user's texts, or texts drawn from the release, as storyboards."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jobs.errors import Terminal
from jobs.generate import lettering
from jobs.generate.narrator import languages
from jobs.job import Job, Part
from jobs.lake import Version
from jobs.prompts import curate, grammar
from jobs.prompts.analyse import clean, language, letters
from jobs.prompts.request import Request, parse
from jobs.prompts.rewriter import Refused, rewritten
from jobs.prompts.safety import blocked
from jobs.prompts.storyboard import Shot, Words, narrated, storyboard
from jobs.run import Run
from jobs.version import row_id
from schemas import PROMPTS, REJECTS, SAMPLES
from schemas.settings import Settings

Row = dict[str, Any]
REFUSALS = 8
"""So many prompts that the rewriter refuses, and none that it takes, are the fault of the endpoint or its model."""


def grammar_of(settings: Settings) -> Words:
    """Which words the generator knows: those of the embedded world, or plain sentences."""
    from jobs.generate.profile import grammar_of_model

    return grammar_of_model(settings.recipe.generate.model)


def outside(settings: Settings) -> Mapping[str, str]:
    """What bears on storyboards besides their own settings: the generator's words, the narrator's languages, the font's letters."""
    words = grammar_of(settings)
    return {"words": f"{words}-{grammar.fingerprint()}" if words == "world" else words,
            "languages": ",".join(sorted(languages(settings.recipe.publish.voice))),
            "font": lettering.fingerprint(settings.recipe.publish.font)}


def run(run: Run) -> None:
    """Make the prompts; the driver alone does it, since there are few."""
    kept, rejected = planned(run.settings, run.optional(SAMPLES))
    kept.sort(key=lambda r: str(r["prompt_id"]))
    run.put(Part({"prompts": PROMPTS.rows(kept), "rejects": run.rejects(rejected)}, len(kept) + len(rejected), len(kept)))


def planned(settings: Settings, release: Version | None) -> tuple[list[Row], list[Row]]:
    """Rows of `prompts` and of `rejects`: for the texts of the settings, else for a draw from a version of `samples`.

    Raises:
        Terminal: neither texts nor samples, or samples of which none says anything.
    """
    if settings.recipe.prompts.texts:
        return from_user(settings)
    if release is None:
        raise Terminal(f"{settings.runtime.lake}: there is no release to draw prompts from; build one with `reelmill build "
                       "SOURCE…` or say what to make with --prompt TEXT")
    kept, rejected = from_release(curate.looked_at(release, settings.recipe.prompts.count), settings)
    if not kept and not rejected:
        raise Terminal(f"{settings.runtime.lake}: no caption, title or text of the release is a prompt in {' or '.join(settings.recipe.prompts.langs)} "
                       f"({curate.MIN_LETTERS} letters or more, no personal data); say what to make with --prompt TEXT")
    return kept, rejected


def from_user(settings: Settings) -> tuple[list[Row], list[Row]]:
    """Rows of `prompts` and of `rejects` for the texts of the user, in their order.

    Raises:
        Terminal: the rewriter refused all.
    """
    kept: dict[str, Row] = {}
    rejected: list[Row] = []
    for index, given in enumerate(settings.recipe.prompts.texts):
        row, why = judged(given, settings)
        if row is not None and row["prompt_id"] in kept:
            row, why = None, _why("duplicate", "duplicate_prompt", detail=given)
        if row is not None:
            kept[row["prompt_id"]] = row
        else:
            rejected.append({"sample_id": row_id("request", index, given), **why})
            _heed(rejected, kept, REFUSALS)
    _heed(rejected, kept, 1)
    return list(kept.values()), rejected


def from_release(rows: Sequence[Mapping[str, Any]], settings: Settings) -> tuple[list[Row], list[Row]]:
    """Likewise for a draw; what was looked at and not taken is rejected, what was never reached is not counted."""
    want = settings.recipe.prompts
    found = curate.candidates(rows, want.langs)
    owners = curate.clusters(found, want.count, want.seed)
    kept: list[Row] = []
    rejected: list[Row] = []
    for candidate, owner in curate.draw(found, owners, want.seed):
        if len(kept) == want.count:
            break
        close = max(kept, key=lambda r: curate.alike(r["text"], candidate.text), default=None)
        nearness = curate.alike(close["text"], candidate.text) if close else 0.0
        if close and nearness >= curate.NEAR:
            detail = f"like prompt {close['prompt_id']}"  # its text is another sample's, and would stay where that one is erased
            row, why = None, _why("near_duplicate", "duplicate_prompt", nearness, ">", curate.NEAR, detail)
        else:
            row, why = judged(candidate.text, settings, candidate, owner)
        if row is not None:
            kept.append(row)
        else:
            rejected.append({"sample_id": candidate.sample_ids[0], **why})
            _heed(rejected, kept, REFUSALS)
    _heed(rejected, kept, 1)
    return kept, rejected


def _heed(rejected: Sequence[Row], kept: Collection[object], least: int) -> None:
    """Raises Terminal where the last prompt, and so many in all, were refused by the rewriter and none was kept."""
    if rejected and not kept and rejected[-1]["check"] == "rewriter" and sum(row["check"] == "rewriter" for row in rejected) >= least:
        raise Terminal(str(rejected[-1]["detail"]))


def judged(
    given: str, settings: Settings, origin: curate.Candidate | None = None, cluster: int | None = None
) -> tuple[Row | None, Row]:
    """The row of a prompt, or None and why not."""
    want = settings.recipe.prompts
    if len(given) > want.max_chars and not given.lstrip().startswith("{"):
        return None, _too_long(given, want.max_chars)
    try:
        request = parse(given, want) if origin is None else Request(given, want.style, want.aspect, want.seed)
    except ValueError as error:
        return None, _why("request", "bad_row", detail=str(error))
    text, edited = clean(request.text), [_cleaned(s) for s in request.shots]
    said = narrated(s.narration for s in edited) if edited else text
    if len(longest := max([text, said, *(s.prompt for s in edited)], key=len)) > want.max_chars:
        return None, _too_long(longest, want.max_chars)
    if not letters(said):
        told = "no shot has a narration" if request.shots else f"nothing to say in {given[:80]!r}"
        return None, _why("text", "empty_prompt", letters(said), "<", 1, told)
    shown = " ".join([text, *(f"{s.prompt} {s.narration}" for s in request.shots)])
    if hit := blocked(f"{request.text} {shown}", want.blocklist):
        return None, _why("safety", "unsafe", detail=f"{hit[0]!r} is on the list of blocked words ({hit[1]})")
    lang = request.lang or language(said)
    spoken = languages(settings.recipe.publish.voice)
    if lang not in spoken:
        told = f"the text is in {lang!r}" if lang != "und" else f"no language can be told from {said[:60]!r}"
        return None, _why("language", "unspoken", detail=f"{told}; the voice {settings.recipe.publish.voice!r} speaks "
                          f'{", ".join(sorted(spoken))}: set publish.voice to another, or give {{"text": …, "lang": "{min(spoken)}"}}')
    if lacking := lettering.missing(said, settings.recipe.publish.font):
        return None, _why("font", "missing_glyphs", detail=lettering.told(lacking))
    try:
        shots = edited or _storyboard(text, lang, request.style, settings)
    except Refused as error:
        return None, _why("rewriter", "generation_failed", detail=str(error))
    if empty := [str(i) for i, shot in enumerate(shots, 1) if not letters(shot.prompt)]:
        return None, _why("text", "empty_prompt", 0, "<", 1, f"nothing to show in shot {empty[0]}: its `prompt` has no letters")
    if hit := blocked(" ".join(s.prompt for s in shots), want.blocklist):
        return None, _why("safety", "unsafe", detail=f"{hit[0]!r} in a shot is on the list of blocked words ({hit[1]})")
    filmed = repr([(s.prompt, s.narration, s.duration_s) for s in shots])
    return {
        "prompt_id": row_id(text, lang, request.style, request.aspect, request.seed, filmed), "text": text, "lang": lang,
        "origin": "release" if origin else "user", "sample_ids": list(origin.sample_ids) if origin else [], "cluster": cluster,
        "style": request.style, "aspect": request.aspect, "seed": request.seed, "safety": "ok",
        "shots": [vars(s) for s in shots],
    }, {}


def _storyboard(text: str, lang: str, style: str, settings: Settings) -> list[Shot]:
    words, endpoint = grammar_of(settings), settings.recipe.prompts.rewriter
    shots = storyboard(text, lang, style, words)
    if not endpoint:
        return shots
    if words == "world":
        raise Terminal("prompts.rewriter is set, but the embedded model knows only the words of its own small world; set "
                       "generate.model to one that takes plain sentences, or leave prompts.rewriter empty")
    return rewritten(shots, lang, style, endpoint)


def _cleaned(shot: Shot) -> Shot:
    return Shot(clean(shot.prompt), clean(shot.narration), shot.duration_s, shot.note and clean(shot.note))


def _too_long(text: str, limit: int) -> Row:
    detail = f"starts {text[:60]!r}; shorten it or raise prompts.max_chars"
    return _why("text", "prompt_too_long", len(text), ">", limit, detail)


def _why(check: str, reason: str, value: float | None = None, op: str | None = None, threshold: float | None = None,
         detail: str = "") -> Row:
    return {"check": check, "reason": reason, "value": value, "op": op, "threshold": threshold, "detail": detail}


PROMPTS_JOB = Job("prompts", reads=(SAMPLES,), optional=(SAMPLES,), writes=(PROMPTS, REJECTS), code=9, recipe=("prompts",),
                  run=run, outside=outside)
