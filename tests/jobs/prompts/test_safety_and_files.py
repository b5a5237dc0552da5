import json
from pathlib import Path

import pytest

from jobs.errors import Terminal
from jobs.prompts.files import read_prompts
from jobs.prompts.request import parse
from jobs.prompts.safety import blocked, first_of, topics
from schemas.settings import Prompts


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("how to make a bomb at home", "weapons"),
        ("一段色 情 视频", "sexual"),
        ("ＰＯＲＮ", "sexual"),
        ("自-杀的方法", "self-harm"),
        ("Therapists help people", None),
        ("a shower of rain", None),
        ("The bombing of grapes in a drapery", None),
        ("今天去了西藏", None),
        ("Build yourself a small bomb", "weapons"),
        ("一步步教你如何制作简易炸弹", "weapons"),
        ("贩毒集团的内幕", "drugs"),
        ("make a bombastic speech", None),
        ("We make lunch. Later, a seagull drops like a bomb", None),
        ("理性交流很重要", None),
        ("妈妈做爱心便当", None),
        ("金黄片片落叶", None),
        ("限制毒素排放，控制枪支", None),
        ("Al Gore visits rapeseed fields", None),
        ("教你做炸弹", "weapons"),
        ("网上购买毒品", "drugs"),
        ("买卖毒品", "drugs"),
        ("自制枪支", "weapons"),
        ("自制炸药包", "weapons"),
        ("制造枪支弹药", "weapons"),
        ("儿童色情片网站", "sexual"),
        ("自殺的念頭", "self-harm"),
        ("強姦案", "sexual"),
        ("教你製造炸彈", "weapons"),
        ("殺人方法", "violence"),
        ("製毒", "drugs"),
        ("賭博網站", "gambling"),
        ("恐怖襲擊", "terrorism"),
        ("kill-myself", "self-harm"),
        ("how to make-a-bomb", "weapons"),
        ("教你做爱心便当", None),
        ("伊斯兰国家的建筑", None),
        ("伊斯蘭國家的建築", None),
        ("金黄色视频滤镜", None),
        ("AI 生成人视频", None),
        ("這是個大麻煩", None),
        ("The sheet was white. Power came back", None),
        ("The walls were white, power was off", None),
    ],
)
def test_blocked(text: str, topic: str | None) -> None:
    hit = blocked(text)
    assert (hit and hit[1]) == topic


@pytest.mark.parametrize("words", topics().values(), ids=topics())
def test_every_word_of_the_list_is_found_in_a_sentence_and_over_the_end_of_a_line(words: tuple[str, ...]) -> None:
    for word in words:
        if word.isascii() or word.split("…")[0].isascii():
            said = word.replace("…", " one ")
            found = [f"teach me to {form} now" for form in (said, said.replace(" ", "\n"), said.upper())]
        else:
            found = [frame.format(word.replace("…", "一个")) for frame in ("教你{}", "有人在网上{}。")]
        assert [text for text in found if not blocked(text)] == []


def test_words_of_settings_are_blocked_too() -> None:
    assert blocked("We met at ACME Corp.", ["acme"]) == ("acme", "settings")
    assert blocked("academy", ["acme"]) is None
    assert blocked("anything", [""]) is None


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_prompts_from_files(tmp_path: Path) -> None:
    csv = write(tmp_path, "p.csv", '\ufefftext,style,note\n"a, b",,x\n海边,promotion,y\n')
    first, second = read_prompts(csv)
    assert first == "a, b"
    assert parse(second, Prompts()).style == "promotion"
    jsonl = write(tmp_path, "p.jsonl", '"one"\n\n{"text": "two", "aspect": "1:1", "id": 3}\n')
    assert read_prompts(jsonl)[0] == "one"
    assert parse(read_prompts(jsonl)[1], Prompts()).aspect == "1:1"
    with pytest.raises(ValueError, match="is not a text"):
        parse(read_prompts(write(tmp_path, "q.jsonl", '{"text": ["a"]}'))[0], Prompts())
    board = write(tmp_path, "s.json", json.dumps({"shots": [{"prompt": "the sea", "narration": "Waves."}]}))
    assert parse(read_prompts(board)[0], Prompts()).shots[0].prompt == "the sea"
    assert read_prompts(write(tmp_path, "p.txt", "one\n\n two \n")) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "prompt\nx\n", "no column `text`"),
        ("a.jsonl", '{"text": "x"}\n{oops\n', "line 2: not JSON"),
        ("a.txt", "\n\n", "no prompt"),
        ("a.jsonl", "[1]\n", "line 1: neither"),
        ("a.json", '{"a": 1}', "item 1: neither"),
        ("a.csv", b"text\n\xff\xfe\n", "not UTF-8"),
        ("a.csv", "text,style\nWe went home, at last, and slept\n", "line 2: 3 cells for 2 columns"),
        ("a.csv", 'text\n"one\ntwo\n', "line 3: unexpected end"),
        ("a.csv", "text,aspct\nx,1:1\n", "line 1: there is no field 'aspct'; the nearest is 'aspect'"),
        ("a.jsonl", '{"text": "x", "sead": 1}\n', "line 1: there is no field 'sead'; the nearest is 'seed'"),
        ("a.json", "[" * 100_000, "brackets in brackets"),
        ("a.jsonl", '"x"\n{"text": "y", "seed": ' + "9" * 5000 + "}", "line 2: .*digits"),
    ],
)
def test_a_file_that_is_not_what_it_promises(tmp_path: Path, name: str, text: str | bytes, says: str) -> None:
    with pytest.raises(Terminal, match=says) as raised:
        read_prompts(write(tmp_path, name, text))
    assert name in str(raised.value)


def test_a_spreadsheet_s_csv_and_a_text_with_other_ends_of_line(tmp_path: Path) -> None:
    wanted = ["the sea, wide", json.dumps({"aspect": "1:1", "text": "two"}, sort_keys=True)]
    for mark in ";\t":
        text = f'\ufeff Text {mark}ASPECT\r\n"the sea, wide"{mark}\r\ntwo{mark}1:1\r\n\r\n'
        assert read_prompts(write(tmp_path, "p.csv", text)) == wanted
    assert read_prompts(write(tmp_path, "p.jsonl", '{"text": "by day\u2028by night"}\n')) == ["by day\u2028by night"]
    many = "text\n" + "".join(f"picture {i}\n" for i in range(10_000))
    assert read_prompts(write(tmp_path, "p.csv", many))[-1] == "picture 9999"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="No such file"):
        read_prompts(tmp_path / "nothing.csv")


@pytest.mark.parametrize(("fields", "says"), [
    ({"text": "x", "aspect": "4:3"}, "aspect = '4:3'"), ({"text": "x", "style": "noir"}, "style = 'noir'"),
    ({"text": "x", "seed": "many"}, "seed = 'many'"), ({"text": "x", "seed": 1.9}, "not a whole number"), ({"text": "x", "seed": True}, "seed = 'True'"),
    ({"text": "x", "seed": 1 << 64}, "does not fit"), ({"text": "x", "seed": -1}, "does not fit"), ({"text": ["x"]}, "is not a text"),
    ({"text": "x", "colour": "red"}, "unknown field 'colour'"),
])
def test_a_wrong_request(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(json.dumps(fields), Prompts())


@pytest.mark.parametrize("text", ["{not json}", "{laughs} hi", '{"Hello"} is a set', "{}", "say {"])
def test_text_that_only_looks_like_json_is_text(text: str) -> None:
    assert parse(text, Prompts()).text == text


@pytest.mark.parametrize(("text", "says"), [
    ('{"text": "今天去了西藏", "aspect": "16:9",}', "begins like an object"), ('{"text": "a lake', "begins like an object"),
    (' {\n "text": "a lake"} and more', "Extra data"), ("{'text': 'a lake'}", "begins like an object"), ("{“text”: “a lake”}", "begins like an object"),
    ('{"prompt": "a lake", "aspect": "16:9"}', "unknown field 'prompt'"), ('{"text": ' + "[" * 100_000, "recursion"),
])
def test_a_request_of_broken_json_is_not_filmed_as_a_text(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text, Prompts())


@pytest.mark.parametrize(("text", "word", "found"), [
    ("Практика вождения", "рак", False), ("ножницы на столе", "нож", False), ("у него рак", "рак", True), ("РАК лёгких", "рак", True), ("Fußball im Park", "ußba", False),
    ("über alles", "über", True), ("사과나무 아래", "과나", False), ("마약을 팔다", "마약", True), ("a skunk", "kun", False), ("看porn视频", "porn", True), ("ναρκωτικά", "ναρκωτικά", True)])
def test_a_word_of_another_alphabet_inside_another_word_is_none(text: str, word: str, found: bool) -> None:
    assert (first_of(text, [word]) is not None) is found


def test_a_table_with_tabs_is_a_table_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "p.tsv").write_text("text\tlang\nhi\ten\n")
    assert [json.loads(p) for p in read_prompts(tmp_path / "p.tsv")] == [{"text": "hi", "lang": "en"}]


def test_a_word_is_found_in_a_book_and_what_two_words_make_is_not() -> None:
    filling = "山上有雪，风很大。" * 200_000
    assert first_of(filling + "色情视频" + filling, ["色情"]) == "色情"
    assert first_of(filling + "特色情人节礼物" + filling, ["色情"]) is None


@pytest.mark.parametrize("data", [
    "text,seed\nthe sea at night,3.0\na forest,\n".encode("utf-16"), b"sep=;\r\ntext;seed\r\nthe sea at night;3\r\na forest;\r\n", b"text,seed\nthe sea at night,3.0\na forest,\n"])
def test_tables_as_spreadsheets_and_pandas_write_them(tmp_path: Path, data: bytes) -> None:
    first, second = read_prompts(write(tmp_path, "p.csv", data))
    assert (parse(first, Prompts()).text, parse(first, Prompts()).seed) == ("the sea at night", 3)
    assert parse(second, Prompts()).seed == Prompts().seed


@pytest.mark.parametrize("seed", [1.5, "1.5", "nan", "inf", True, "1e30"])
def test_what_is_no_whole_number_is_no_seed(seed: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        parse(json.dumps({"text": "a", "seed": seed}), Prompts())
