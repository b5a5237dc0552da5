"""What should not be learned from: unsafe concepts in the picture, blocked words in the texts.

Keys `concept/<name>` and their sum `unsafe`: probability among unsafe and harmless concepts (open_clip), frame by frame, the worst
frame counts. A classifier of its own (`label.safety_model`) gives `class/<label>`, and `unsafe` is then its word: the probability
of all its classes but the harmless ones. The embedded model has never seen such pictures and is not asked: without a classifier
there are words alone, key `blocked_word` with the word as text. A clip without that row has no blocked word in the texts that came with it;
one without `unsafe` was not looked at. What OCR, ASR and a captioner say is other labelers' and is held against the same words when clips
are judged by their labels (`jobs.fuse.join`), so that a new word costs no reading, hearing or captioning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.errors import Terminal
from jobs.label import clip
from jobs.label.blocklist import first_in, words
from jobs.label.classifier import Classifier, classifier
from jobs.label.labeler import Batch, Found, Labeler, Model, rounded
from jobs.label.tags import Classes, classes, probabilities
from jobs.label.vocabulary import Group
from jobs.label.weights import find, folder_revision, of_sample_world
from jobs.version import digest
from schemas.settings import Label

TEXTS = ("title", "caption", "transcript", "text")

UNSAFE = {
    "nudity": ("a nude person|pornography|an explicit sexual scene", "裸体的人|色情画面|露骨的性场面"),
    "gore": ("blood and gore|a mutilated body|a corpse", "血腥画面|残缺的尸体|尸体"),
    "violence": ("people fighting violently|a person being beaten|a shooting", "暴力斗殴|有人被殴打|枪击"),
    "weapon": ("a person aiming a gun|a person with a knife attacking", "有人举枪瞄准|持刀袭击的人"),
    "self_harm": ("a person harming themselves", "自残的人"),
    "drugs": ("a person injecting drugs", "吸毒的人"),
    "extremism": ("a terrorist propaganda video", "恐怖主义宣传视频"),
}
HARMLESS = (
    ("a person", "一个人"),
    ("a dressed person", "穿着衣服的人"),
    ("people talking", "人们在交谈"),
    ("a landscape", "风景"),
    ("an animal", "动物"),
    ("food", "食物"),
    ("a building", "建筑"),
    ("an object", "物品"),
    ("text or a slide", "文字或幻灯片"),
    ("sport", "体育运动"),
    ("a beach", "海滩"),
    ("a vehicle", "车辆"),
    ("a cartoon", "卡通"),
    ("a room", "房间"),
)
HARMLESS_CLASSES = frozenset({"normal", "safe", "sfw", "neutral", "drawing", "drawings", "drawn", "benign", "harmless", "clean", "none"})
"""How classifiers call what is harmless; the check is on lower case."""

CONCEPTS = Group("safety", {**UNSAFE, **{f"harmless {i}": words for i, words in enumerate(HARMLESS)}})


@dataclass(frozen=True)
class State:
    words: tuple[str, ...]
    tower: clip.Tower | None
    group: Classes | None
    classifier: Classifier | None


def model(settings: Label) -> Model:
    made = [Model("words", digest(words(settings))[:12])]
    if not of_sample_world(settings.clip_model):
        made.append(find(settings.clip_model, settings.clip_pretrained).model)
    if settings.safety_model:
        made.append(Model(settings.safety_model, folder_revision(settings.safety_model, "label.safety_model")))
    return Model(" + ".join(str(m.name) for m in made), "-".join(str(m.revision) for m in made))


def load(settings: Label, device: str) -> State:
    classifier = _classifier(settings.safety_model, device, settings.batch) if settings.safety_model else None
    if of_sample_world(settings.clip_model):
        return State(words(settings), None, None, classifier)
    tower = clip.tower(settings, device)
    return State(words(settings), tower, classes(tower, [CONCEPTS])[0], classifier)


def _classifier(folder: str, device: str, batch: int) -> Classifier:
    made = classifier(folder, device, batch)
    harmless = [name for name in made.classes if name.lower() in HARMLESS_CLASSES]
    if len(harmless) == len(made.classes):
        raise Terminal(f"{folder}: all its classes ({', '.join(harmless[:8])}) are called harmless, so nothing would be unsafe; rename them under id2label in config.json")
    if not harmless:
        raise Terminal(
            f"{folder}: none of its classes ({', '.join(made.classes[:8])}) is called harmless, so it cannot be told what is unsafe; give one of "
            f"them such a name under id2label in config.json: {', '.join(sorted(HARMLESS_CLASSES))}"
        )
    return made


def unsafe(shares: Mapping[str, float]) -> float:
    """Probability of all unsafe concepts together."""
    return sum(shares[name] for name in UNSAFE)


def harmful(shares: Mapping[str, float]) -> float:
    """Probability of all classes of a classifier that are not harmless."""
    return sum(share for name, share in shares.items() if name.lower() not in HARMLESS_CLASSES)


def label(state: State, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        if (word := first_in((row[name] for name in TEXTS), state.words)) is not None:
            found.append(Found(row["clip_id"], "blocked_word", 1.0, word))
    if state.classifier is not None:
        for clip_id, frames in state.classifier(batch):
            worst = max(frames, key=harmful)
            found.append(Found(clip_id, "unsafe", rounded(harmful(worst))))
            found += [Found(clip_id, f"class/{name}", rounded(share)) for name, share in worst.items()]
    if state.tower is not None and state.group is not None:
        for clip_id, vectors in clip.frame_vectors(state.tower, batch).items():
            each = [probabilities(state.group, vectors[i : i + 1], state.tower.scale) for i in range(len(vectors))]
            worst = max(each, key=unsafe)
            found += [Found(clip_id, "unsafe", rounded(unsafe(worst)))] if state.classifier is None else []
            found += [Found(clip_id, f"concept/{name}", rounded(worst[name])) for name in UNSAFE]
    return found


LABELER = Labeler(
    "safety",
    version=9,
    needs=("frames", *TEXTS),
    options=("clip_model", "clip_pretrained", "safety_model", "blocklist", "batch"),
    model=model,
    load=load,
    label=label,
    examples=(
        ({"clip_id": "a", "frames": None, "title": "a day at the sea", "caption": None, "transcript": None, "text": None}, ()),
        (
            {"clip_id": "a", "frames": None, "title": "Free PORN here", "caption": None, "transcript": None, "text": None},
            (("blocked_word", "porn"),),
        ),
        (
            {"clip_id": "a", "frames": None, "title": None, "caption": "popcorn and cornporn", "transcript": None, "text": "淫秽内容"},
            (("blocked_word", "淫秽"),),
        ),
        (
            {"clip_id": "a", "frames": None, "title": "特色情人节礼物", "caption": "这个角色情感丰富", "transcript": None, "text": None},
            (),
        ),
        (
            {"clip_id": "a", "frames": None, "title": "a rape field and a sextant", "caption": "人性爱恨与裸眼3D", "transcript": "nude women", "text": None},
            (("blocked_word", "nude women"),),
        ),
        (
            {"clip_id": "a", "frames": None, "title": "ｐｏｒｎ", "caption": "色 情", "transcript": None, "text": None},
            (("blocked_word", "porn"),),
        ),
    ),
)
