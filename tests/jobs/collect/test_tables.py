"""Tables of any encoding and any nonsense: what is read, what is reported, and that nothing crashes."""

import codecs
import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.collect import tables
from jobs.collect.tables import NotATable, chunks, decode, rows, shape


def read(data: bytes, suffix: str):
    file = io.BytesIO(data)
    how = shape(file, suffix)
    return how, list(rows(file, how))


CHINESE = "file,标题\na.mp4,今天去了西藏\n"


@pytest.mark.parametrize("data", [CHINESE.encode(), codecs.BOM_UTF8 + CHINESE.encode(), CHINESE.encode("gb18030"),
                                  CHINESE.replace("\n", "\r\n").encode(), CHINESE.replace(",", "\t").encode(),
                                  CHINESE.replace(",", ";").encode()])
def test_csv_is_read_in_any_encoding_and_delimiter(data):
    how, lines = read(data, "csv")
    assert how.header == ("file", "标题")
    assert [dict(line.cells) for line in lines] == [{"file": "a.mp4", "标题": "今天去了西藏"}]


def test_utf16_beyond_all_bounds_or_broken_is_refused_with_the_way_out(monkeypatch):
    with pytest.raises(NotATable, match="begins as UTF-16 and is none; save it as UTF-8"):
        read(CHINESE.encode("utf-16") + b"x", "csv")
    monkeypatch.setattr(tables, "MAX_JSON_BYTES", 10)
    with pytest.raises(NotATable, match="save it as UTF-8"):
        read(CHINESE.encode("utf-16"), "csv")


def test_rows_keep_their_line_numbers_across_quoted_line_ends_and_bad_rows():
    text = 'file,caption\na.mp4,"two\nlines"\n\nb.mp4,x,too many\nc.mp4,fine\nd.mp4\n'
    _, lines = read(text.encode(), "csv")
    assert [(line.number, line.cells and line.cells["file"]) for line in lines] == [
        (2, "a.mp4"), (5, None), (6, "c.mp4"), (7, "d.mp4")]
    assert "3 cells under 2 columns" in lines[1].problem


def test_jsonl_reports_each_bad_line_and_goes_on():
    text = '{"text": "one"}\nnot json\n[1]\n{"text": "two"}\n{"text": NaN}\n' + "[" * 5000 + "\n"
    _, lines = read(text.encode() + b"\xff\xfe\xfa\n", "jsonl")
    assert [line.cells and line.cells["text"] for line in lines[:4]] == ["one", None, None, "two"]
    assert all(line.problem for line in lines[5:])
    assert len(lines) == 7


def test_json_arrays_and_jsonl_named_json_are_told_apart():
    assert [line.cells for line in read(b'[{"a": 1}, 2]', "json")[1]] == [{"a": 1}, None]
    assert [line.cells for line in read(b'{"a": 1}\n{"a": 2}\n', "json")[1]] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(("data", "suffix"), [(b"", "csv"), (b"\n\n", "csv"), (b"\0\0\0", "csv"), (b"[1, 2]", "json"),
                                              (b"[{", "json"), (b"no", "jsonl"), (b"\xff\xff\xff\n", "jsonl")])
def test_what_is_no_table_is_said_to_be_none(data, suffix):
    with pytest.raises(NotATable):
        read(data, suffix)


def test_a_cell_beyond_all_bounds_is_a_bad_row_and_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(tables, "MAX_LINE_BYTES", 1000)
    text = "file,caption\na.mp4," + "x" * 5000 + "\nb.mp4,fine\n"
    _, lines = read(text.encode(), "csv")
    assert [(line.number, line.cells is None) for line in lines] == [(2, True), (3, False)]
    _, lines = read(('{"text": "' + "y" * 5000 + '"}\n{"text": "ok"}\n').encode(), "jsonl")
    assert [line.cells and line.cells["text"] for line in lines] == [None, "ok"]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_unsaid():
    _, lines = read(b'file,caption\na.mp4,"one\ntwo"\nb.mp4,"open\nc.mp4,x\nd.mp4,y\n', "csv")
    assert [line.cells and line.cells["file"] for line in lines] == ["a.mp4", None, "c.mp4", "d.mp4"], "each line behind it is a row"
    assert lines[1].problem == "a quote in it is never closed: it takes 3 lines, to the end of the table"


STRAY = [b'a.mp4,"A big dog\nb.mp4,a cat\nc.mp4,a 5" screen\nd.mp4,"two\nlines" \n', b'a.mp4,"A big dog\nb.mp4,a cat\nc.mp4,"a screen, wide"\nd.mp4,"two\nlines"\n']


@pytest.mark.parametrize("table", STRAY)
def test_a_stray_quote_takes_its_own_row_alone(table):
    """The caption of a.mp4 was all three lines, and nobody was told."""
    _, lines = read(b"file,caption\n" + table, "csv")
    assert [(line.number, line.cells and line.cells["file"]) for line in lines] == [(2, None), (3, "b.mp4"), (4, "c.mp4"), (5, "d.mp4")]
    assert lines[0].problem == "a quote in it is never closed: it takes 3 lines, to the next quote in another row"
    assert lines[3].cells["caption"].strip() == "two\nlines"


def test_a_stray_quote_that_another_one_closes_in_order_is_known_by_the_names_between():
    table = b'file,caption\na.mp4,"A big dog\nb.mp4,a cat\nc.mp4,a screen of 5"\nd.mp4,"first, this\nthen, that"\n'
    file = io.BytesIO(table)
    found = list(rows(file, shape(file, "csv"), known=lambda cells: cells["file"] in ("b.mp4", "c.mp4")))
    assert [line.cells and line.cells["caption"] for line in found] == [None, "a cat", 'a screen of 5"', "first, this\nthen, that"]


def test_a_cell_that_outgrows_all_bounds_takes_its_own_row_alone(monkeypatch):
    monkeypatch.setattr(tables, "MAX_LINE_BYTES", 1000)
    _, lines = read(b'file,caption\na.mp4,"open\n' + b"".join(b"b%d.mp4,%s\n" % (i, b"x" * 90) for i in range(30)), "csv")
    assert [line.cells and line.cells["file"] for line in lines] == [None, *(f"b{i}.mp4" for i in range(30))]


@pytest.mark.parametrize(
    ("head", "names", "first"),
    [
        (b'file,"caption\n(English)",lang\n', ("file", "caption", "lang"), 3),
        ("文件,描述（中文）\n".encode(), ("文件", "描述"), 2),
        (b"sep=;\nfile;caption\n", ("file", "caption"), 3),
        (b"\n\nfile,caption\n", ("file", "caption"), 4),
        (b",,\nfile,caption\n", ("file", "caption"), 3),
        (b'file,"caption\n', ("file", "caption"), 2),
    ],
    ids=["a name over two lines", "a remark", "what Excel is told", "empty lines", "a line of empty cells", "a quote that is never closed"],
)
def test_the_line_of_names_as_spreadsheets_write_it(head, names, first):
    separator = b";" if b";" in head else b","
    how, lines = read(head + separator.join([b"a.mp4", b"one"]) + b"\n", "csv")
    assert how.header[: len(names)] == names
    assert [(line.number, line.cells["file"]) for line in lines if line.cells and "file" in line.cells] == ([(first, "a.mp4")] if "file" in names else [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json"])
def test_a_table_in_utf_16_is_read_as_in_utf_8(encoding, suffix, monkeypatch):
    monkeypatch.setattr(tables, "CHUNK_BYTES", 20)
    separator = {"csv": ",", "tsv": "\t"}.get(suffix)
    rows_ = [{"file": f"{i}.mp4", "caption": f"海边的日落 {i}"} for i in range(9)]
    if separator:
        text = "\r\n".join(separator.join(row) for row in (("file", "caption"), *(tuple(row.values()) for row in rows_))) + "\r\n"
    else:
        text = json.dumps(rows_, ensure_ascii=False) if suffix == "json" else "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows_)
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    file = io.BytesIO(mark + text.encode(encoding))
    how = shape(file, suffix)
    assert [dict(line.cells) for piece in chunks(file, how) for line in rows(file, how, None if suffix == "json" else piece)] == rows_


def test_a_name_beyond_all_bounds_is_no_line_of_names():
    import csv

    before = csv.field_size_limit(1000)
    try:
        with pytest.raises(NotATable, match="no line of column names"):
            read(b'file,"' + b"x" * 2000 + b'"\na.mp4,one\n', "csv")
    finally:
        csv.field_size_limit(before)


def test_of_columns_of_one_name_the_first_that_says_something_counts():
    _, lines = read(b"file,caption,caption\na.mp4,one,\nb.mp4,,two\nc.mp4,one,two\n", "csv")
    assert [line.cells["caption"] for line in lines] == ["one", "two", "one"]
    _, lines = read(b'{"file": "a.mp4", "caption": "one", "Caption": ""}\n', "jsonl")
    assert lines[0].cells["caption"] == "one"


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20))
@example([("one\ntwo\rthree\n", "x")])
def test_whatever_is_written_in_order_is_read_as_it_was(cells):
    import csv

    buffer = io.StringIO()
    csv.writer(buffer).writerows([("a", "b"), *cells])
    file = io.BytesIO(buffer.getvalue().encode("utf-8", "replace"))
    found = [tuple(line.cells.values()) for line in rows(file, shape(file, "csv"))]
    assert found == [tuple(cell.encode("utf-8", "replace").decode().replace("\0", "") for cell in pair) for pair in cells if "".join(pair).replace("\0", "").strip()]


@given(st.lists(st.text(alphabet='ab",\n', max_size=6), max_size=30), st.integers(1, 40))
def test_a_table_with_stray_quotes_in_chunks_is_the_table(texts, size):
    file = io.BytesIO(("id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts))).encode())
    how = shape(file, "csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "CHUNK_BYTES", size)
        pieces = chunks(file, how)
    assert sum(piece.size_bytes for piece in pieces) == len(file.getvalue()) - len(b"id,text\n")
    assert [line for piece in pieces for line in rows(file, how, piece)] == list(rows(file, how))


def test_hostile_quotes_cost_no_more_than_some_times_the_table(monkeypatch):
    """Every line closes the quote of the one before and opens its own, and the last one closes wrongly: each row takes all that are left."""
    taken = []
    monkeypatch.setattr(tables, "_forgiving", lambda line, chinese: taken.append(line) or line.decode())
    _, lines = read(b"file,caption\n" + b'x"y,"\n' * 2000 + b'z" z\n', "csv")
    assert all(line.cells is None for line in lines[:5])
    assert len(taken) < 20 * 2000


def test_one_object_over_several_lines_is_a_row_of_json():
    _, lines = read(json.dumps({"text": "one", "lang": "en"}, indent=2).encode(), "json")
    assert [(line.number, line.cells) for line in lines] == [(1, {"text": "one", "lang": "en"})]


def test_lines_that_end_with_a_carriage_return_alone_are_told():
    with pytest.raises(NotATable, match="carriage return"):
        read(b"file,caption\ra.mp4,one\r", "csv")


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30), max_size=40), st.integers(1, 200))
def test_a_table_in_chunks_is_the_table(texts, size):
    import csv

    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["id", "text"])
    writer.writerows(enumerate(texts))
    lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
    for data, suffix in ((buffer.getvalue().encode(), "csv"), ((lines or '{"id": 0}\n').encode(), "jsonl")):
        file = io.BytesIO(data)
        how = shape(file, suffix)
        whole = list(rows(file, how))
        before, tables.CHUNK_BYTES = tables.CHUNK_BYTES, size
        try:
            pieces = chunks(file, how)
        finally:
            tables.CHUNK_BYTES = before
        assert [line for piece in pieces for line in rows(file, how, piece)] == whole


@given(st.binary(max_size=400), st.sampled_from(sorted(tables.SUFFIXES)))
def test_any_bytes_give_rows_or_a_refusal(data, suffix):
    try:
        _, lines = read(data, suffix)
    except NotATable:
        return
    assert all((line.cells is None) != (line.problem is None) for line in lines)


@pytest.mark.parametrize(("data", "text"), [
    ("今天".encode("gb18030"), "今天"), ("今天".encode("utf-16"), "今天"), ("café — naïve".encode("cp1252"), None),
    (b"\x80\x81\xfe", None),
    ("今天".encode("utf-32"), "今天"), ("今天去了西藏，风景真的很美，我想和朋友们分享。".encode("gbk"), "今天去了西藏，风景真的很美，我想和朋友们分享。"),
    ("오늘 티베트에 갔는데 풍경이 정말 아름다웠고 친구들과 이 순간을 나누고 싶다.".encode("euc-kr"), None),
    ("今日はチベットに行きました。景色が本当に美しかったです。".encode("shift_jis"), None),
    ("今天去了西藏，風景真的很美，我想和朋友們分享這個時刻。".encode("big5"), None),
    (b"plain", "plain")])
def test_decoding_guesses_only_what_is_plausible(data, text):
    assert decode(data) == text


@pytest.mark.parametrize(("text", "encoding"), [
    ("Ein schöner Tag in Köln", "cp1252"), ("Müller", "cp1252"), ("Ça coûte très peu à Orléans", "cp1252"), ("日本の風景", "shift_jis"), ("привет", "cp1251"), ("Здравствуй", "cp1251")])
def test_few_letters_of_other_alphabets_are_not_taken_for_chinese(text, encoding):
    assert decode(text.encode(encoding)) is None


@pytest.mark.parametrize("text", ["夜景", "夕阳", "红色汽车", "一只狗 in the park", "雪山，湖泊"])
def test_few_characters_of_gb18030_are_read(text):
    assert decode(text.encode("gb18030")) == text


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_table_has_one_encoding(suffix):
    """`猫` in GB18030 is `è` in UTF-8, and a row alone cannot tell."""
    words = ["今天去了西藏", "猫", "山水", "女", "plain", "风景真的很美"]
    if suffix == "csv":
        text = "file,caption\n" + "".join(f"{i}.mp4,{word}\n" for i, word in enumerate(words))
    else:
        text = "".join(json.dumps({"file": f"{i}.mp4", "caption": word}, ensure_ascii=False) + "\n" for i, word in enumerate(words))
    for data in (text.encode("gb18030"), text.encode()):
        file = io.BytesIO(data)
        assert [line.cells["caption"] for line in rows(file, shape(file, suffix))] == words
