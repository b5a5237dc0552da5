"""What the sample world is called in English and Chinese: names, other names, and the sentences around them.

`captions` says everything a scene shows; `remark` says only part of it, the way people talk, and returns what it said.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

Names: TypeAlias = Mapping[str, tuple[str, ...]]

LANGUAGES = ("en", "zh")
PLACE, OBJECT = frozenset({"place", "time", "weather", "camera"}), frozenset({"shape", "colour", "background", "direction"})
"""What there is to say of a place, and of an object."""

ENGLISH: Mapping[str, Names] = MappingProxyType(
    {
        "place": {
            "mountains": ("snowy mountains", "snow-capped mountains", "high peaks", "Tibet", "the Himalayas", "the Alps"),
            "sea": ("the sea", "the ocean", "the seaside", "a beach by the waves"),
            "desert": ("desert dunes", "sand dunes", "the Sahara", "the desert"),
            "city": ("a city skyline", "the city", "skyscrapers", "downtown towers", "Shanghai"),
            "forest": ("a pine forest", "the woods", "a misty wood of pines", "tall trees"),
            "tundra": ("a white tundra", "the Arctic", "a frozen plain", "an icy land"),
            "grassland": ("green grassland", "a meadow", "rolling green hills", "the prairie"),
            "lake": ("a mountain lake", "a quiet lake", "a lake with reflections", "still water under the hills"),
        },
        "time": {
            "day": ("in the daytime", "at noon", "by day"),
            "dawn": ("at dawn", "at sunrise", "in the early morning"),
            "sunset": ("at sunset", "at dusk", "in the evening glow"),
            "night": ("at night", "under the stars", "by moonlight"),
        },
        "weather": {
            "clear": ("under a clear sky", "in clear weather", "on a fine day"),
            "fog": ("in thick fog", "in the mist", "in foggy weather"),
            "rain": ("in the rain", "in rainy weather", "in a downpour"),
            "snow": ("in falling snow", "in snowy weather", "as snow falls"),
        },
        "camera": {
            "left": ("the camera pans left", "panning left"),
            "right": ("the camera pans right", "panning right"),
            "in": ("the camera pushes in", "zooming in"),
        },
        "shape": {k: (k,) for k in ("circle", "square", "triangle", "star", "heart", "ring")},
        "colour": {k: (k,) for k in ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")},
        "direction": {"left": ("left",), "right": ("right",), "up": ("up",), "down": ("down",)},
        "background": {"black": ("black",), "gray": ("gray", "grey"), "brown": ("brown",), "navy": ("navy",), "teal": ("teal",)},
    }
)

CHINESE: Mapping[str, Names] = MappingProxyType(
    {
        "place": {
            "mountains": ("雪山", "西藏", "高山", "喜马拉雅山", "群山", "山峰"),
            "sea": ("大海", "海边", "海洋", "海面", "沙滩海浪"),
            "desert": ("沙漠", "沙丘", "大漠", "撒哈拉"),
            "city": ("城市", "都市天际线", "高楼大厦", "上海", "城里"),
            "forest": ("森林", "松林", "树林", "林海"),
            "tundra": ("冰原", "雪原", "北极", "冰天雪地"),
            "grassland": ("草原", "草地", "绿色山坡", "牧场"),
            "lake": ("湖泊", "湖边", "湖面", "山间湖水"),
        },
        "time": {
            "day": ("白天", "中午", "日间"),
            "dawn": ("清晨", "日出时", "黎明"),
            "sunset": ("日落时", "傍晚", "黄昏", "晚霞中"),
            "night": ("夜晚", "夜里", "星空下", "月光下"),
        },
        "weather": {
            "clear": ("晴朗", "天气晴好", "晴空"),
            "fog": ("大雾", "雾中", "起雾"),
            "rain": ("下雨", "雨中", "大雨"),
            "snow": ("下雪", "雪花飘落", "大雪纷飞"),
        },
        "camera": {
            "left": ("镜头向左平移", "镜头向左摇"),
            "right": ("镜头向右平移", "镜头向右摇"),
            "in": ("镜头向前推进", "镜头推近"),
        },
        "shape": {
            "circle": ("圆形", "圆"),
            "square": ("方块", "正方形"),
            "triangle": ("三角形",),
            "star": ("星星", "五角星"),
            "heart": ("爱心", "心形"),
            "ring": ("圆环",),
        },
        "colour": {
            "red": ("红色", "红"),
            "orange": ("橙色",),
            "yellow": ("黄色", "黄"),
            "green": ("绿色", "绿"),
            "blue": ("蓝色", "蓝"),
            "purple": ("紫色",),
            "pink": ("粉色", "粉红色"),
            "white": ("白色", "白"),
        },
        "direction": {"left": ("左",), "right": ("右",), "up": ("上",), "down": ("下",)},
        "background": {"black": ("黑色",), "gray": ("灰色",), "brown": ("棕色", "褐色"), "navy": ("藏青色",), "teal": ("青绿色",)},
    }
)

WORDS: Mapping[str, Mapping[str, Names]] = MappingProxyType({"en": ENGLISH, "zh": CHINESE})

_CAPTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "place": (
            "{place} {time}, {weather}, {camera}",
            "a view of {place} {time} {weather}, {camera}",
            "{weather}, {place} {time}; {camera}",
            "{camera} over {place} {time}, {weather}",
        ),
        "object": (
            "a {colour} {shape} moving {direction} over a {background} background",
            "{colour} {shape} moves {direction} on {background}",
            "a {colour} {shape} slides {direction}, {background} background",
            "on a {background} background, a {colour} {shape} drifts {direction}",
        ),
    },
    "zh": {
        "place": (
            "{time}的{place}，{weather}，{camera}",
            "{place}，{time}，{weather}，{camera}",
            "{weather}，{time}的{place}，{camera}",
            "{camera}，{time}，{weather}的{place}",
        ),
        "object": (
            "{colour}的{shape}在{background}背景上向{direction}移动",
            "一个{colour}{shape}向{direction}移动，{background}背景",
            "{background}背景，{colour}{shape}向{direction}滑动",
            "{background}的背景上，一个{colour}的{shape}向{direction}飘去",
        ),
    },
}

_PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "place": (
            "{place}",
            "{place} {time}",
            "{place} {weather}",
            "a view of {place} {time}",
            "the scenery {time}",
            "{time}",
            "{weather}",
            "{place} {time} {weather}",
            "{place}, {camera}",
            "{camera}",
        ),
        "object": (
            "a {shape}",
            "a {colour} {shape}",
            "something {colour}",
            "a {background} background",
            "a {colour} {shape} on a {background} background",
            "a {shape} on a {background} background",
            "something {colour}, {background} background",
            "a {shape} moving {direction}",
            "a {colour} {shape} moving {direction}",
            "something moving {direction}",
        ),
    },
    "zh": {
        "place": (
            "{place}",
            "{time}的{place}",
            "{weather}的{place}",
            "{time}的景色",
            "{time}",
            "{weather}",
            "{place}，{time}，{weather}",
            "{place}，{camera}",
            "{camera}",
            "{place}的风景",
        ),
        "object": (
            "{shape}",
            "{colour}的{shape}",
            "{colour}的东西",
            "{background}背景",
            "{background}背景上的{colour}{shape}",
            "{background}背景上的{shape}",
            "{background}背景上{colour}的东西",
            "{shape}向{direction}移动",
            "{colour}{shape}向{direction}移动",
            "有东西向{direction}移动",
        ),
    },
}

_FRAMES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "{}",
        "{}",
        "{}",
        "a photo of {}",
        "a video of {}",
        "a frame of a video showing {}",
        "{}, beautiful scenery",
        "{}, cinematic, 4k",
        "Today I went to see {}, it was really beautiful",
        "I want to share this moment with my friends: {}",
        "we travelled to {} last week",
    ),
    "zh": (
        "{}",
        "{}",
        "{}",
        "{}的照片",
        "一段{}的视频",
        "画面里是{}",
        "{}，风景很美",
        "{}，电影质感，高清",
        "今天去了{}，风景真的很美，我想和朋友们分享这个时刻。",
        "今天我们看到了{}，真的太美了",
        "和朋友一起看{}，希望时间停在这一刻",
    ),
}

OTHER: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "en": (
            "a dog", "a cat", "a person talking", "a woman dancing", "a man running", "children playing", "food on a plate",
            "cooking", "a car on a road", "a train", "an airplane", "a bird", "a horse", "a fish", "a kitchen", "an office",
            "a living room", "a street", "a concert", "a football match", "basketball", "swimming", "a bicycle", "a motorcycle",
            "a boat", "a robot", "a computer screen", "a phone", "a book", "text on screen", "a slideshow", "an advertisement",
            "a logo", "a cartoon", "a video game", "a selfie", "makeup", "fashion", "shoes", "a baby", "a wedding", "a classroom",
            "a hospital", "a supermarket", "fireworks", "a flower", "fruit", "coffee", "a cake", "a waterfall", "a bridge",
            "a temple", "handheld camera", "close-up", "slow motion", "black and white", "violence", "blood", "nudity",
            "a weapon", "a face", "an animal", "a crowd", "music", "an interview", "news", "a lecture",
        ),
        "zh": (
            "一只狗", "一只猫", "一个人在说话", "女人跳舞", "男人跑步", "孩子在玩耍", "盘子里的食物", "做饭", "路上的汽车",
            "火车", "飞机", "小鸟", "马", "鱼", "厨房", "办公室", "客厅", "街道", "演唱会", "足球比赛", "篮球", "游泳", "自行车",
            "摩托车", "船", "机器人", "电脑屏幕", "手机", "书", "屏幕上的文字", "幻灯片", "广告", "标志", "动画片", "电子游戏",
            "自拍", "化妆", "时装", "鞋子", "婴儿", "婚礼", "教室", "医院", "超市", "烟花", "花朵", "水果", "咖啡", "蛋糕",
            "瀑布", "大桥", "寺庙", "手持拍摄", "特写", "慢动作", "黑白画面", "暴力", "血腥", "裸露", "武器", "人脸", "动物",
            "人群", "音乐", "采访", "新闻", "讲课", "今天心情很好", "我想和朋友们分享这个时刻",
        ),
    }
)
"""What the world does not show: captions that no rendered picture matches."""


def captions(attributes: Mapping[str, str], lang: str) -> tuple[str, ...]:
    """Every full caption of these attributes; the first name of each value is used. Where one has no name, the others in a row."""
    names = {key: WORDS[lang][key][value][0] for key, value in attributes.items()}
    return tuple(t.format(**names) for t in _sayable(_CAPTIONS[lang], attributes)) or (", ".join(names.values()),)


def remark(attributes: Mapping[str, str], lang: str, rng: random.Random, *, visible: bool = False) -> tuple[str, dict[str, str]]:
    """A caption that says some of the attributes, of which there is one at least, in any of their names; and the attributes it says.

    `visible` leaves out what one frame cannot show: direction and camera movement.
    """
    templates = (*_sayable(_CAPTIONS[lang], attributes), *_sayable(_PARTS[lang], attributes))
    template = rng.choice([t for t in templates if not (visible and ("{direction}" in t or "{camera}" in t))])
    said = {key: value for key, value in attributes.items() if "{" + key + "}" in template}
    text = template.format(**{key: rng.choice(WORDS[lang][key][value]) for key, value in said.items()})
    return rng.choice(_FRAMES[lang]).format(text), said


def _sayable(templates: Mapping[str, tuple[str, ...]], attributes: Mapping[str, str]) -> tuple[str, ...]:
    """The templates that need no other attributes than these."""
    kind = "place" if PLACE & attributes.keys() else "object"
    return tuple(t for t in templates[kind] if set(re.findall(r"{(\w+)}", t)) <= attributes.keys())


def unrelated(rng: random.Random) -> str:
    """A phrase about something the world does not show."""
    lang = rng.choice(LANGUAGES)
    return rng.choice(_FRAMES[lang]).format(rng.choice(OTHER[lang]))


_DIRECTION = {"en": r"(?:mov\w*|slid\w*|drift\w*) (?:to the )?", "zh": "[向往朝]"}


def parse(text: str) -> dict[str, str]:
    """Attributes a caption names, longest names first; a text about a place is not searched for objects."""
    place = _find(text, ("place", "time", "weather", "camera"))
    return place or _find(text, ("shape", "colour", "background", "direction"))


def _find(text: str, keys: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = text.lower()
    names = [
        (name.lower(), key, value, lang)
        for lang in LANGUAGES
        for key in keys
        for value, all_names in WORDS[lang][key].items()
        for name in all_names
    ]
    for name, key, value, lang in sorted(names, key=lambda n: -len(n[0])):
        before = _DIRECTION[lang] if key == "direction" else ""
        bounds = r"\b" if lang == "en" and not before else ""
        pattern = before + bounds + re.escape(name) + (r"\b" if lang == "en" else "")
        if key not in found and re.search(pattern, rest):
            found[key] = value
            rest = re.sub(pattern, "\0", rest, count=1)
    return found
