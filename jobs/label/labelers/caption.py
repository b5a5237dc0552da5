"""Dense captions from a vision-language model, in parts and joined, English and Chinese.

Keys `en/subject`, `zh/subject`, ... for the parts, `en` and `zh` for the whole, `status` (ok, truncated, refused, failed) and
`tokens` (tokens spent, as score). Unless the status is ok there is no text. The captions that came with a source are never touched.
"""

from jobs.label.captioner import LANGS, PARTS, Captioner, endpoint, folder_model, is_endpoint, joined, revision
from jobs.label.labeler import Absent, Batch, Found, Labeler, Model
from schemas.settings import Label


def model(settings: Label) -> Model:
    if not settings.caption_model:
        raise Absent("label.caption_model names neither a folder nor an endpoint")
    return Model(settings.caption_model, revision(settings.caption_model))


def load(settings: Label, device: str) -> Captioner:
    name = settings.caption_model
    return endpoint(name) if is_endpoint(name) else folder_model(name, device)


def label(ask: Captioner, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        if not row["frames"]:
            continue
        clip_id, reply = row["clip_id"], ask([frame["jpeg"] for frame in row["frames"]])
        found.append(Found(clip_id, "status", text=reply.status))
        if reply.tokens is not None:
            found.append(Found(clip_id, "tokens", float(reply.tokens)))
        for lang in LANGS if reply.status == "ok" else ():
            parts = reply.parts[lang]
            found += [Found(clip_id, f"{lang}/{part}", text=parts[part]) for part in PARTS if parts[part]]
            if any(parts.values()):
                found.append(Found(clip_id, lang, text=joined(parts, lang)))
    return found


LABELER = Labeler("caption", version=1, needs=("frames",), options=("caption_model",), model=model, load=load, label=label)
