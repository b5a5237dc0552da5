"""Dense captions from a vision-language model, in parts and joined, English and Chinese.

Keys `en/subject`, `zh/subject`, ... for the parts, `en` and `zh` for the whole, `status` (ok, truncated, refused, failed) and
`tokens` (spent, as score; `tokens/read` and `tokens/written` where the model tells). Unless the status is ok there is no text; phrases in another language than
asked for are left out, personal data are masked. The captions that came with a source are never touched.
"""

from jobs.label.captioner import PARTS, Captioner, Reply, joined
from jobs.label.endpoint import endpoint, is_endpoint, model_of
from jobs.label.labeler import Absent, Batch, Found, Labeler, Model
from jobs.label.pixels import decoded
from jobs.label.vlm import folder_model
from jobs.label.weights import folder_revision
from schemas.settings import Label


def model(settings: Label) -> Model:
    name = settings.caption_model
    if not name:
        raise Absent("label.caption_model names neither a folder nor an endpoint")
    return Model(name, model_of(name) if is_endpoint(name) else folder_revision(name, "label.caption_model"))


def load(settings: Label, device: str) -> Captioner:
    name = settings.caption_model
    return endpoint(name) if is_endpoint(name) else folder_model(name, device)


def label(ask: Captioner, batch: Batch) -> list[Found]:
    seen = {row["clip_id"]: [f["jpeg"] for f in row["frames"] or () if decoded(f["jpeg"]) is not None] for row in batch.rows}
    seen = {clip_id: jpegs for clip_id, jpegs in seen.items() if jpegs}
    replies = ask(list(seen.values())) if seen else ()
    return [found for clip_id, reply in zip(seen, replies, strict=True) for found in _rows(clip_id, reply)]


def _rows(clip_id: str, reply: Reply) -> list[Found]:
    found = [Found(clip_id, "status", text=reply.status)]
    spent = {"tokens": reply.cost.total, "tokens/read": reply.cost.read, "tokens/written": reply.cost.written}
    found += [Found(clip_id, key, float(tokens)) for key, tokens in spent.items() if tokens is not None]
    for lang, parts in reply.parts.items():
        found += [Found(clip_id, f"{lang}/{part}", text=parts[part]) for part in PARTS if parts[part]]
        if any(parts.values()):
            found.append(Found(clip_id, lang, text=joined(parts, lang)))
    return found


LABELER = Labeler("caption", version=2, needs=("frames",), options=("caption_model",), model=model, load=load, label=label)
