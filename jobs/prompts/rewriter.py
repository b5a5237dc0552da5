"""Words the shots of a storyboard for the generator with a language model behind an OpenAI-compatible endpoint; off by default.

What comes back is a stranger's text: it must be one sentence for each shot, and it is cleaned and checked like a user's own.
The key is taken from REELMILL_REWRITER_KEY, never from settings.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jobs.chat import MODERATED, THOUGHT, Chat, TurnedDown
from jobs.errors import Terminal
from jobs.prompts.analyse import clean
from jobs.prompts.storyboard import PRESETS, Shot

KEY = "REELMILL_REWRITER_KEY"
MAX_CHARS = 600
_TASK = (
    "You word shots for a text-to-video model. For each line of narration write one sentence of what is seen: subject, place, "
    "light, camera. Keep the language of the narration. Look: {look}. Answer with a JSON array of {count} strings alone."
)


class Refused(ValueError):
    """The endpoint does not want the words of one prompt, or answered them with something else than asked for: others may fare better."""


def rewritten(shots: Sequence[Shot], lang: str, style: str, endpoint: str) -> list[Shot]:
    """The shots with prompts worded by the model; the narration stays as it is.

    Raises:
        Refused: it does not word these shots.
        Terminal: the endpoint is not one, or refuses the sender.
        Transient: it cannot be reached or is overloaded.
    """
    url, mark, model = endpoint.partition("#")
    if not mark or not model or not url.startswith(("http://", "https://")):
        raise Terminal(f"prompts.rewriter = {endpoint!r}: write http(s)://host/v1#model")
    look = PRESETS[style].look[lang in ("zh", "yue")]
    lines = [shot.narration or shot.prompt for shot in shots]
    answer = _asked(f"{url.rstrip('/')}/chat/completions", {
        "model": model, "temperature": 0, "seed": 0,
        "messages": [{"role": "system", "content": _TASK.format(look=look, count=len(shots))},
                     {"role": "user", "content": json.dumps(lines, ensure_ascii=False)}],
    })
    prompts = _sentences(answer, len(shots), endpoint)
    return [replace(shot, prompt=prompt, note=f"worded by {model}") for shot, prompt in zip(shots, prompts, strict=True)]


def _asked(url: str, body: dict[str, Any]) -> Any:
    try:
        return Chat(url, "prompts.rewriter", KEY).ask(body)["choices"][0]["message"]["content"]
    except TurnedDown as why:
        if str(why).startswith("403 ") and not MODERATED.search(str(why)):
            raise Terminal(f"prompts.rewriter: {url} answers {why}; check {KEY}") from None
        raise Refused(f"prompts.rewriter: {url} turns the request down: {why}") from None
    except (KeyError, IndexError, TypeError):
        raise Terminal(f"prompts.rewriter: {url} did not answer like a chat endpoint") from None


def _sentences(answer: Any, count: int, endpoint: str) -> list[str]:
    text = str(answer).rpartition(THOUGHT)[2].strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != count or not all(isinstance(p, str) for p in found):
        raise Refused(f"prompts.rewriter = {endpoint!r}: the model did not answer with {count} sentences; use another model")
    prompts = [clean(p).replace("\n", " ")[:MAX_CHARS] for p in found]
    if not all(prompts):
        raise Refused(f"prompts.rewriter = {endpoint!r}: the model left a shot without words; use another model")
    return prompts
