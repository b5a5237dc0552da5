"""Dense captions from a vision-language model, in parts and joined, English and Chinese.

Keys `en/subject`, `zh/subject`, ... for the parts, `en` and `zh` for the whole, `status` (ok, truncated, refused, failed, unanswered) and
`tokens` (spent in this run, on answers of no use too, as score; `tokens/read` and `tokens/written` where the model tells). Unless the status
is ok there is no text; phrases in another language than asked for and tags of HTML are left out, personal data are masked. The captions that
came with a source are never touched.
"""

from dataclasses import asdict

from jobs.label.captioner import PARTS, PASSING, Captioner, Cost, Reply, joined
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


def label(model: Captioner, batch: Batch) -> list[Found]:
    seen = {row["clip_id"]: [f["jpeg"] for f in row["frames"] or () if decoded(f["jpeg"]) is not None] for row in batch.rows}
    seen = {clip_id: jpegs for clip_id, jpegs in seen.items() if jpegs}
    keys = {clip_id: model.key(jpegs) for clip_id, jpegs in seen.items()}
    replies = {clip_id: Reply(**kept | {"cost": Cost(**kept["cost"])}) for clip_id, key in keys.items() if (kept := batch.replies.get(key))}
    missing = [clip_id for clip_id in seen if clip_id not in replies]
    try:
        for came in model.ask([seen[clip_id] for clip_id in missing]) if missing else ():
            replies |= {missing[number]: reply for number, reply in came}
            batch.replies.add({keys[missing[number]]: asdict(reply) for number, reply in came if reply.status not in PASSING})
    finally:
        batch.replies.write()
    return [found for clip_id in seen for found in _rows(clip_id, replies[clip_id])]


def _rows(clip_id: str, reply: Reply) -> list[Found]:
    found = [Found(clip_id, "status", text=reply.status)]
    spent = {"tokens": reply.cost.total, "tokens/read": reply.cost.read, "tokens/written": reply.cost.written}
    found += [Found(clip_id, key, float(tokens)) for key, tokens in spent.items() if tokens is not None]
    for lang, parts in reply.parts.items():
        found += [Found(clip_id, f"{lang}/{part}", text=parts[part]) for part in PARTS if parts[part]]
        if any(parts.values()):
            found.append(Found(clip_id, lang, text=joined(parts, lang)))
    return found


LABELER = Labeler("caption", version=7, needs=("frames",), options=("caption_model",), model=model, load=load, label=label, passing=PASSING)
