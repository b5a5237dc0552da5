"""What pictures are asked for: groups of tags in English and Chinese, and the sentences that they are asked in.

The default names about 200 concepts of short video. The embedded model, and any that `reelmill train clip` makes, has seen nothing
but the sample world, so its default is the words of that world and no other.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jobs.errors import Terminal
from jobs.label.weights import of_sample_world
from schemas.settings import Label

UNKNOWN = "unknown"
"""The tag for none of the others; a group in Settings may name words of its own for it."""

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "en": ("{}", "a photo of {}", "a video of {}", "a frame of a video showing {}"),
    "zh": ("{}", "{}的照片", "一段{}的视频", "画面里是{}"),
}
"""Sentences over which the embedding of a tag is averaged (prompt ensembling, Radford et al. 2021, section 3.1.4)."""

NOTHING: tuple[tuple[str, str], ...] = (
    ("something", "某样东西"),
    ("a picture", "一张图片"),
    ("a video", "一段视频"),
    ("an unclear image", "看不清的画面"),
    ("noise", "噪点"),
    ("an empty frame", "空白画面"),
)
"""Words for nothing in particular: a tag that is not likelier than these is not claimed."""


@dataclass(frozen=True)
class Group:
    """Tags of which at most one leads, and the words for none of them.

    Attributes:
        name: Name of the group.
        tags: Tag -> (English words, Chinese words); words are one phrase each, several are separated by `|`.
        none: Words for what is in none of the tags.
    """

    name: str
    tags: Mapping[str, tuple[str, str]]
    none: tuple[tuple[str, str], ...] = NOTHING


def groups(settings: Label) -> tuple[Group, ...]:
    """The vocabulary in force: that of Settings, else the default of the model.

    Raises:
        Terminal: a group or tag of Settings has no usable name or no words, or two tags of a group have the same words.
    """
    if settings.vocabulary:
        return tuple(_given(name, tags) for name, tags in sorted(settings.vocabulary.items()))
    return sample_world() if of_sample_world(settings.clip_model) else short_video()


def _given(name: str, tags: Mapping[str, tuple[str, str]]) -> Group:
    own = tags.get(UNKNOWN)
    group = Group(name, {t: w for t, w in tags.items() if t != UNKNOWN}, (own,) if own else NOTHING)
    if not group.tags:
        raise Terminal(f"label.vocabulary: group {name!r} holds no tags")
    seen: dict[tuple[frozenset[str], ...], str] = {}
    for tag, words in tags.items():
        for part in (name, tag):
            if part != part.strip() or not part.isprintable() or not part or "/" in part:
                raise Terminal(
                    f"label.vocabulary: {part!r} is no name for a group or tag; use printable signs without '/' or space at its ends"
                )
        said = tuple(frozenset(phrase.casefold() for phrase in phrases(w)) for w in words)
        if not any(said):
            raise Terminal(f"label.vocabulary: tag {tag!r} of group {name!r} has no words; give English words, Chinese words or both")
        if (other := seen.setdefault(said, tag)) != tag:
            raise Terminal(
                f"label.vocabulary: {other!r} and {tag!r} of group {name!r} have the same words; drop one, they would share its probability"
            )
    return group


def phrases(words: str) -> list[str]:
    """The phrases of `words`, which are separated by `|`."""
    return [phrase for part in words.split("|") if (phrase := " ".join(part.split()))]


def sentences(words: str, lang: str) -> list[str]:
    """Every phrase of `words` in every sentence of the language."""
    return [template.format(phrase) for phrase in phrases(words) for template in TEMPLATES[lang]]


@cache
def sample_world() -> tuple[Group, ...]:
    """The words of the sample world that one frame can show, and what the world does not show."""
    from jobs.train import words

    def tags(key: str) -> dict[str, tuple[str, str]]:
        return {value: ("|".join(words.ENGLISH[key][value]), "|".join(words.CHINESE[key][value])) for value in words.ENGLISH[key]}

    phrases = {
        "place": ("{}", "{}"),
        "time": ("the scenery {}", "{}的景色"),
        "weather": ("the scenery {}", "{}的景色"),
        "shape": ("a {}", "{}"),
        "colour": ("something {}", "{}的东西"),
        "background": ("a {} background", "{}背景"),
    }
    other = tuple(zip(words.OTHER["en"], words.OTHER["zh"], strict=False))
    made = {}
    for key, (en, zh) in phrases.items():
        made[key] = {
            value: ("|".join(en.format(w) for w in english.split("|")), "|".join(zh.format(w) for w in chinese.split("|")))
            for value, (english, chinese) in tags(key).items()
        }
    landscape, plain = ("place", "time", "weather"), ("shape", "colour", "background")
    none = {
        **{key: other + tuple(w for k in ("shape", "background") for w in made[k].values()) for key in landscape},
        **{key: other + tuple(made["place"].values()) for key in plain},
    }
    return tuple(Group(key, made[key], none[key]) for key in made)


@cache
def sample_pictures() -> tuple[str, ...]:
    """One sentence for everything that a picture of the sample world can show, in both languages."""
    from jobs.train import words

    said = {
        "en": ("{place} {time} {weather}", "a {colour} {shape} on a {background} background"),
        "zh": ("{time}的{place}，{weather}", "{background}背景上的{colour}{shape}"),
    }
    kinds = (("place", "time", "weather"), ("colour", "shape", "background"))
    made = []
    for lang, templates in said.items():
        for template, keys in zip(templates, kinds, strict=True):
            names = [[values[0] for values in words.WORDS[lang][key].values()] for key in keys]
            made += [template.format(**dict(zip(keys, chosen, strict=True))) for chosen in itertools.product(*names)]
    return tuple(made)


@cache
def short_video() -> tuple[Group, ...]:
    """About 200 concepts of short video."""
    return tuple(Group(name, _read(text)) for name, text in _SHORT_VIDEO.items())


def _read(text: str) -> dict[str, tuple[str, str]]:
    tags = {}
    for item in text.replace("\n", " ").split(";"):
        tag, english, chinese = (part.strip() for part in item.split("/"))
        tags[tag] = (english or tag.replace("_", " "), chinese)
    return tags


_SHORT_VIDEO = {
    "subject": """
        woman/a woman/女人; man/a man/男人; child/a child/孩子; baby/a baby/婴儿; couple/a couple/情侣;
        family/a family/一家人; crowd/a crowd of people/人群; elderly/an elderly person/老人;
        face/a close-up of a face/人脸特写; hands/hands/双手; dog/a dog/狗; cat/a cat/猫; bird/a bird/鸟; horse/a horse/马;
        fish/fish/鱼; insect/an insect/昆虫; cattle/cows or sheep/牛羊; wild_animal/a wild animal/野生动物;
        panda/a panda/熊猫; flower/flowers/花; tree/trees/树; plant/a potted plant/盆栽; fruit/fruit/水果;
        vegetables/vegetables/蔬菜; meal/a plate of food/一盘菜; noodles/noodles/面条; hotpot/hot pot/火锅;
        barbecue/barbecue/烧烤; cake/a cake or dessert/蛋糕甜点; drink/a drink/饮料; coffee/a cup of coffee/咖啡; tea/tea/茶;
        car/a car/汽车; motorcycle/a motorcycle/摩托车; bicycle/a bicycle/自行车; train/a train/火车;
        airplane/an airplane/飞机; boat/a boat/船; truck/a truck/卡车; drone/a drone/无人机; robot/a robot/机器人;
        machine/a machine/机器; phone/a mobile phone/手机; computer/a computer/电脑; book/a book/书; clothes/clothes/衣服;
        shoes/shoes/鞋子; jewellery/jewellery/珠宝首饰; cosmetics/cosmetics/化妆品; toy/a toy/玩具;
        instrument/a musical instrument/乐器; document/a document or slide/文档或幻灯片; logo/a logo/标志;
        text/a picture of text/文字画面; painting/a painting/绘画; sculpture/a sculpture/雕塑; fireworks/fireworks/烟花;
        fire/fire/火焰; building/a building/建筑; statue/a monument/纪念碑""",
    "setting": """
        street/a city street/城市街道; skyline/a city skyline/城市天际线; village/a village/乡村; house/a house/房屋;
        living_room/a living room/客厅; bedroom/a bedroom/卧室; kitchen/a kitchen/厨房; bathroom/a bathroom/浴室;
        office/an office/办公室; classroom/a classroom/教室; shop/a shop/商店; market/a market/集市;
        supermarket/a supermarket/超市; restaurant/a restaurant/餐厅; factory/a factory/工厂; laboratory/a laboratory/实验室;
        hospital/a hospital/医院; gym/a gym/健身房; stadium/a stadium/体育场; stage/a stage/舞台; studio/a studio/演播室;
        museum/a museum/博物馆; temple/a temple/寺庙; church/a church/教堂; park/a park/公园; garden/a garden/花园;
        farm/a farm field/农田; forest/a forest/森林; mountain/mountains/山; snow_mountain/snowy mountains/雪山;
        desert/a desert/沙漠; grassland/grassland/草原; beach/a beach/海滩; sea/the sea/大海; underwater/under water/水下;
        lake/a lake/湖; river/a river/河流; waterfall/a waterfall/瀑布; sky/the sky and clouds/天空和云;
        space/outer space/太空; snow_field/a snowy field/雪地; island/an island/岛屿; canyon/a canyon/峡谷; road/a road/公路;
        bridge/a bridge/桥; tunnel/a tunnel/隧道; station/a station/车站; airport/an airport/机场;
        car_interior/inside a car/车内""",
    "action": """
        talking/a person talking to the camera/对着镜头说话; singing/a person singing/唱歌; dancing/people dancing/跳舞;
        walking/a person walking/走路; running/a person running/跑步; jumping/a person jumping/跳跃; driving/driving/开车;
        cycling/cycling/骑自行车; swimming/swimming/游泳; surfing/surfing/冲浪; skiing/skiing/滑雪; skating/skating/滑冰;
        climbing/climbing/攀登; football/playing football/踢足球; basketball/playing basketball/打篮球;
        yoga/doing yoga/做瑜伽; workout/working out/健身; martial_arts/martial arts/武术; cooking/cooking/做饭;
        eating/eating/吃东西; drinking/drinking/喝东西; shopping/shopping/购物; unboxing/unboxing a product/开箱;
        makeup/putting on makeup/化妆; hairdressing/hairdressing/理发; playing_music/playing a musical instrument/演奏乐器;
        drawing/drawing or painting/画画; crafting/making something by hand/手工制作; repairing/repairing something/修理;
        cleaning/cleaning/打扫; farming/farming/种地; fishing/fishing/钓鱼; teaching/teaching/讲课;
        working/working at a computer/用电脑工作; gaming/playing a video game/玩游戏; playing/children playing/孩子玩耍;
        hugging/people hugging/拥抱; laughing/people laughing/大笑; sleeping/sleeping/睡觉; travelling/travelling/旅行;
        wedding/a wedding/婚礼""",
    "style": """
        realistic/a realistic photograph/写实照片; cinematic/a cinematic film still/电影画面;
        documentary/a documentary/纪录片; news/a news broadcast/新闻播报; vlog/a vlog selfie/自拍视频博客;
        cartoon/a cartoon/卡通; anime/anime/日本动漫; render_3d/a 3D rendering/三维渲染; game/video game footage/电子游戏画面;
        painting/a painting/绘画; sketch/a sketch/素描; ink/Chinese ink painting/水墨画; pixel_art/pixel art/像素画;
        black_white/a black and white picture/黑白画面; vintage/vintage film/复古胶片;
        screen_recording/a screen recording/屏幕录制; slideshow/a presentation slide/演示幻灯片;
        infographic/a chart or diagram/图表; advertisement/an advertisement/广告; collage/a collage/拼贴画;
        time_lapse/a time-lapse/延时摄影; surveillance/security camera footage/监控录像""",
    "time": """
        day/daytime/白天; dawn/dawn or sunrise/清晨日出; sunset/sunset/日落黄昏; night/night/夜晚;
        indoors/indoor artificial light/室内灯光""",
    "weather": """
        clear/clear weather/晴天; cloudy/cloudy weather/多云; fog/fog/雾; rain/rain/下雨; snow/falling snow/下雪;
        storm/a thunderstorm/雷暴""",
    "camera": """
        close_up/a close-up shot/特写镜头; medium/a medium shot/中景; wide/a wide shot/远景; aerial/an aerial view/航拍;
        top_down/a top-down view/俯拍; low_angle/a low-angle shot/仰拍; first_person/a first-person view/第一人称视角;
        macro/a macro shot/微距; fisheye/a fisheye view/鱼眼镜头; shallow_focus/shallow depth of field/浅景深;
        selfie/a selfie/自拍; split_screen/a split screen/分屏""",
}
