"""What should not be learned from: unsafe concepts in the picture, blocked words in the texts.

Keys `concept/<name>` and their sum `unsafe`: probability among unsafe and harmless concepts (open_clip), frame by frame, the worst
frame counts. The embedded model has never seen such pictures and is not asked: then there are words alone, key `blocked_word`
with the word as text. A clip without that row has no blocked word; one without `unsafe` was not looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.label import clip
from jobs.label.labeler import Absent, Batch, Found, Labeler, Model, rounded
from jobs.label.tags import Classes, classes, probabilities
from jobs.label.vocabulary import Group
from jobs.label.weights import find
from jobs.label.words import blocked_word
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
WORDS = ("child porn", "childporn", "porn", "hentai", "snuff film", "beheading video", "色情", "淫秽", "儿童色情", "裸聊", "自杀直播")
"""Built-in blocklist: words that have no harmless use in a caption."""


CONCEPTS = Group("safety", {**UNSAFE, **{f"harmless {i}": words for i, words in enumerate(HARMLESS)}})


@dataclass(frozen=True)
class State:
    words: tuple[str, ...]
    tower: clip.Tower | None
    group: Classes | None


def model(settings: Label) -> Model:
    words = Model("words", digest([*WORDS, *settings.blocklist])[:12])
    if settings.clip_model == "embedded":
        return words
    try:
        return find(settings.clip_model, settings.clip_pretrained).model
    except Absent:
        return words


def load(settings: Label, device: str) -> State:
    words = (*WORDS, *settings.blocklist)
    if settings.clip_model == "embedded":
        return State(words, None, None)
    tower = clip.tower(settings, device)
    return State(words, tower, classes(tower, [CONCEPTS])[0])


def unsafe(shares: Mapping[str, float]) -> float:
    """Probability of all unsafe concepts together."""
    return sum(shares[name] for name in UNSAFE)


def label(state: State, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        if (word := blocked_word([row[t] for t in TEXTS], state.words)) is not None:
            found.append(Found(row["clip_id"], "blocked_word", 1.0, word))
    if state.tower is None or state.group is None:
        return found
    for clip_id, frames in clip.frame_vectors(state.tower, batch).items():
        each = [probabilities(state.group, frames[i : i + 1], state.tower.scale) for i in range(len(frames))]
        worst = max(each, key=unsafe)
        found.append(Found(clip_id, "unsafe", rounded(unsafe(worst))))
        found += [Found(clip_id, f"concept/{name}", rounded(worst[name])) for name in UNSAFE]
    return found


LABELER = Labeler(
    "safety",
    version=1,
    needs=("frames", *TEXTS),
    options=("clip_model", "clip_pretrained", "blocklist", "batch"),
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
    ),
)
