"""What is said in a clip, by a faster-whisper (CTranslate2) model on this machine: `label.asr_model` names its folder.

Keys: `status` (ok, empty, undecodable, unreadable: the source was out of reach, which may pass), and where it is ok `text` (score = probability per token, geometric mean), `lang` (text =
language, score = its probability; of a model of several languages) and `segments` (JSON: [start_s, end_s, text] from the start of the clip; score = how many).
Clips in which the decode pass heard no speech are not asked, since Whisper makes up words for silence: they get no row. Personal
data are masked as in all texts. The transcript that came with a source is never touched.
"""

import json
import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.collect.opened import opened
from jobs.collect.pii import clean, mask
from jobs.errors import Terminal
from jobs.label.labeler import Absent, Batch, Found, Labeler, Model, rounded
from jobs.label.labelers.speech import BORDERS
from jobs.label.weights import revision_of
from jobs.media.faults import DecodeCrash, MediaFault, MissingFile, Unreadable
from jobs.media.sound import listen
from schemas.settings import Label

RATE_HZ = 16_000
"""What Whisper listens to."""
LEAST_SPEECH = BORDERS[0][0]
"""Share of speech below which a clip does not speak."""
UNSPACED = ("zh", "yue", "ja", "th", "lo", "my", "km")
"""Languages written without spaces between words."""
PASSES = (Unreadable, MissingFile, DecodeCrash)
"""Faults of the place or the machine; the others are of the sound."""
FILES = ("model.bin", "config.json", "tokenizer.json")


def model(settings: Label) -> Model:
    if not settings.asr_model:
        raise Absent("label.asr_model names no folder")
    folder = Path(settings.asr_model)
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise Terminal(
            f"{folder}: no faster-whisper model here ({', '.join(missing)} missing; label.asr_model); a transformers Whisper becomes one by "
            f"`ct2-transformers-converter --model FOLDER --output_dir {folder} --copy_files tokenizer.json preprocessor_config.json`"
        )
    if find_spec("faster_whisper") is None:
        raise Terminal(
            "label.asr_model is set, but faster-whisper is not installed; `pip install faster-whisper==1.2.1`, or leave it empty"
        )
    return Model(settings.asr_model, revision_of(folder, [folder / FILES[0]]))


def load(settings: Label, device: str) -> Any:
    from faster_whisper import WhisperModel

    try:
        whisper = WhisperModel(settings.asr_model, device=device, compute_type="bfloat16" if device == "cuda" else "default", cpu_threads=1)
    except Exception as error:  # its tokenizer raises nothing more special
        raise Terminal(f"{settings.asr_model}: faster-whisper cannot load it: {str(error)[:300]}") from None
    wanted, given = whisper.model.n_mels, whisper.feature_extractor.mel_filters.shape[0]
    if wanted != given:
        raise Terminal(f"{settings.asr_model}: listens to {wanted} bands, and {given} would be made; preprocessor_config.json of its transformers model is missing: copy it there")
    return whisper


def label(whisper: Any, batch: Batch) -> list[Found]:
    asked = [row for row in batch.rows if (row["speech_share"] or 0.0) >= LEAST_SPEECH]
    found: list[Found] = []
    for source_id in sorted({row["source_id"] for row in asked}):
        found += _of_source(whisper, batch.sources[source_id], [row for row in asked if row["source_id"] == source_id])
    return found


def _of_source(whisper: Any, source: Any, rows: Sequence[Any]) -> list[Found]:
    found: list[Found] = []
    left = list(rows)
    try:
        with opened(source, verify=False) as path:
            while left:
                row = left.pop(0)
                try:
                    found += said(whisper, row["clip_id"], listen(path, row["start_s"], row["end_s"], RATE_HZ))
                except MediaFault as fault:
                    found.append(_unheard(row, fault))
    except MediaFault as fault:
        found += [_unheard(row, fault) for row in left]
    return found


def _unheard(row: Any, fault: MediaFault) -> Found:
    return Found(row["clip_id"], "status", text="unreadable" if isinstance(fault, PASSES) else "undecodable")


def said(whisper: Any, clip_id: str, sound: Any) -> list[Found]:
    """The labels of one clip: greedy in temperature, so that the same sound is transcribed the same way."""
    pieces, facts = whisper.transcribe(sound, beam_size=5, temperature=0.0, condition_on_previous_text=False, vad_filter=True)
    end_s = len(sound) / RATE_HZ
    segments = [(min(p.start, end_s), min(p.end, end_s), clean(p.text).strip(), p.avg_logprob, len(p.tokens)) for p in pieces]
    segments = [s for s in segments if s[2]]
    if not segments:
        return [Found(clip_id, "status", text="empty")]
    tokens = sum(n for *_, n in segments)
    share = math.exp(sum(logprob * n for *_, logprob, n in segments) / max(tokens, 1))
    gap = "" if facts.language in UNSPACED else " "
    text = mask(gap.join(words for _, _, words, *_ in segments))[0]
    timed = [[round(start, 2), round(end, 2), mask(words)[0]] for start, end, words, *_ in segments]
    if gap.join(words for *_, words in timed) != text:  # a number that goes on in the next segment is told by both together
        timed = [[timed[0][0], timed[-1][1], text]]
    return [
        Found(clip_id, "status", text="ok"),
        Found(clip_id, "text", rounded(share), text),
        # one that knows English alone calls everything English
        *([Found(clip_id, "lang", rounded(facts.language_probability), facts.language)] if whisper.model.is_multilingual else ()),
        Found(clip_id, "segments", float(len(timed)), json.dumps(timed, ensure_ascii=False)),
    ]


LABELER = Labeler(
    "transcript",
    version=4,
    needs=("source_id", "start_s", "end_s", "speech_share"),
    options=("asr_model",),
    model=model,
    load=load,
    passing=frozenset({"unreadable"}),
    listens=True,
    label=label,
)
