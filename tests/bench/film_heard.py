"""What a recogniser hears of the narration. Run by hand; the model is a folder for faster-whisper, and multilingual for Chinese:

    python tests/bench/film_heard.py --model /models/whisper-base [--voice espeak] [--voice piper:/models/en.onnx]

Prints for each voice and language the share of words (English) or characters (Chinese) that are wrong, missing or too many, and
for each sentence what was said and what was heard. The recogniser errs as well, most on Chinese: it is a floor of intelligibility.
"""

import argparse
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

TEXTS = {
    "zh": ("今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。", "清晨的湖边非常安静，雪山倒映在水里，我们慢慢地走了一圈。",
           "昨天晚上下了一场大雨，路上的行人都打着伞。", "妈妈在厨房里做饭，孩子们在院子里玩。", "这座城市的地铁很方便，我每天坐地铁上班。",
           "春天来了，公园里的花都开了，很多人来拍照。"),
    "en": ("At dawn we left the quiet city while the streets were still empty and the first trams were waking up.",
           "By noon our bus had climbed into the mountains, where snow covered the ridges and a cold wind pushed the clouds away.",
           "We stopped beside a lake so clear that every peak stood in it twice, and nobody spoke for a long time.",
           "Children ran along the beach, gulls turned above the waves, and the sun went down slowly behind the harbour.",
           "My grandmother bakes bread every Sunday morning, and the whole house smells of it.",
           "A new bridge was opened last week, and now the ferry has stopped running."),
}
RATE = 16000
START = {"zh": "以下是普通话的句子。", "en": None}
"""Makes the recogniser write simplified characters."""


def units(text: str, lang: str) -> list[str]:
    """Words without marks, or characters."""
    plain = re.sub(r"[^\w\s]", "", text.lower())
    plain = re.sub(r"\bharbor\b", "harbour", plain)
    return list(re.sub(r"\s", "", plain)) if lang == "zh" else plain.split()


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein distance."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def sound_of(voice: str, text: str, lang: str) -> Any:
    """The narration at the recogniser's rate, half a second of silence on both sides."""
    from jobs.generate import audio, narrator, script

    speech = narrator.narrate(narrator.load(voice), script.lines([text], lang, narrator.languages(voice)), {0: 0.0})
    stereo = np.repeat(speech.sound[:, None], 2, axis=1)
    sound = audio.graph([(stereo, speech.rate)], lambda net, sources: sources[0], RATE)
    return np.pad(sound.mean(axis=1), RATE // 2)


def main() -> None:
    """Speak, hear and print."""
    from faster_whisper import WhisperModel

    from jobs.generate.narrator import languages

    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--model", required=True)
    words.add_argument("--voice", action="append")
    asked = words.parse_args()
    model = WhisperModel(asked.model, device="cpu", compute_type="int8", cpu_threads=1)
    for voice in asked.voice or ["espeak"]:
        for lang, texts in TEXTS.items():
            if lang not in languages(voice):
                continue
            wrong = total = 0
            for text in texts:
                pieces, _ = model.transcribe(sound_of(voice, text, lang), language=lang, beam_size=5, initial_prompt=START[lang])
                heard = "".join(p.text for p in pieces)
                said = units(text, lang)
                wrong, total = wrong + errors(said, units(heard, lang)), total + len(said)
                print(f"  said  {text}\n  heard {heard.strip()}")
            print(f"{voice.split(':')[0]} {lang}: {wrong} of {total} wrong, {wrong / total:.1%}", flush=True)


if __name__ == "__main__":
    main()
