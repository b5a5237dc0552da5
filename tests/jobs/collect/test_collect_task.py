"""One folder with everything in it: what becomes of each object, what is joined to it, and that nothing leaks."""

import csv
import io
import json
import os
import struct
import unicodedata
import zlib
from pathlib import Path
from types import SimpleNamespace

import av
import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFile

from jobs.collect import job
from jobs.collect.job import COLLECT, batches, collect_task, plan
from jobs.collect.job import Task as CollectTask
from jobs.collect.manifest import Places, join
from jobs.collect.sidecar import read_sidecar
from jobs.collect.source import fingerprint, listing
from jobs.errors import Transient
from jobs.lake import Lake
from schemas.settings import Collect, Recipe, Settings

PHONE = "13812345678"


def png(width: int = 8, height: int = 8, text: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x40\x80\xc0" * width for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + (chunk(b"iTXt", text) if text else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def wav(seconds: float = 0.1) -> bytes:
    data = b"\0\0" * int(8000 * seconds)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


def adts(frames: int = 20) -> bytes:
    """AAC as a stream of frames, each with a header of its own (ISO 13818-7)."""
    out = io.BytesIO()
    with av.open(out, "w", format="adts") as target:
        stream = target.add_stream("aac", rate=8000)
        for i in range(frames):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 1024 * i
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def collected(root: Path | list[Path], **recipe):
    """Rows by path: sources, their reason, behaviour by path."""
    settings = Settings(recipe=Recipe(collect=Collect(**recipe)))
    found = listing([str(r) for r in (root if isinstance(root, list) else [root])], settings.recipe.collect.follow_links)
    sources, reasons, behaviour = {}, {}, {}
    for batch in batches(list(plan(found, settings.recipe.collect.k_anonymity))):
        part = collect_task(CollectTask(tuple(batch), "policy", "run"), settings)
        rejects = part.tables["rejects"].to_pylist()
        assert part.seen == part.kept + sum(r["decisive"] for r in rejects)
        ids = {}
        for row in part.tables["sources"].to_pylist():
            assert row["rel_path"] not in sources
            sources[row["rel_path"]] = row
            ids[row["source_id"]] = row["rel_path"]
        for row in rejects:
            assert row["sample_id"] == row["source_id"]
            assert sources[ids[row["sample_id"]]]["error"]
            reasons[ids[row["sample_id"]]] = (row["reason"], row["detail"])
        behaviour |= {ids[row["source_id"]]: row for row in part.tables["behaviour"].to_pylist()}
    assert {p for p, row in sources.items() if row["error"]} == set(reasons)
    return sources, reasons, behaviour


def write(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def test_every_object_is_a_row_and_what_goes_no_further_says_why(tmp_path):
    write(
        tmp_path,
        {
            "good.png": png(),
            "good.wav": wav(),
            "note.txt": f"A day at the sea.\r\nCall {PHONE}.",
            "zero.mp4": b"",
            "noise.bin": b"\x00\x01\x02" * 99,
            "script.py": "print(1)\n",
            "picture.mp4": png(),
            "list.mp4": "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
            "concat.mp4": "ffconcat version 1.0\nfile /etc/passwd\n",
            "gb.txt": "今天去了西藏，风景真的很美。".encode("gb18030"),
            "latin.txt": "caf\xe9 na\xefve".encode("cp1252"),
            "blank.txt": " \n\t\n",
            "table.csv": "x,y\n1,2\n",
            "broken.json": "{",
            "words.ts": "export const a = 1;\n",
            "big.png": png() + b"\0" * 5000,
        },
    )
    os.mkfifo(tmp_path / "pipe.mp4")
    sources, reasons, _ = collected(tmp_path, max_bytes=4000)
    assert {p: r for p, (r, _) in reasons.items()} == {
        "zero.mp4": "empty_file",
        "noise.bin": "unknown_format",
        "script.py": "unknown_format",
        "picture.mp4": "wrong_extension",
        "list.mp4": "playlist",
        "concat.mp4": "playlist",
        "latin.txt": "unknown_format",
        "blank.txt": "bad_row",
        "table.csv": "unknown_format",
        "broken.json": "unknown_format",
        "words.ts": "wrong_extension",
        "big.png": "too_large",
        "pipe.mp4": "not_regular_file",
    }
    assert sources["good.png"] | {"modality": "image", "width": 8, "height": 8, "container": "png"} == sources["good.png"]
    assert sources["good.wav"] | {"modality": "audio", "audio_codec": "pcm_s16le", "container": "wav"} == sources["good.wav"]
    assert sources["note.txt"]["text"] == "A day at the sea.\nCall <PHONE>."
    assert sources["note.txt"]["pii_count"] == 1
    assert sources["gb.txt"]["text"] == "今天去了西藏，风景真的很美。"
    assert sources["pipe.mp4"]["sha256"] is None


def test_marked_generated_media_are_kept_out_and_signed_photographs_are_not(tmp_path):
    field = b'AIGC\0\0\0\0\0{"AIGC":{"Label":"1","ContentProducer":"x","ProduceID":"y"}}'
    claim = b"XML\0\0\0\0\0<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/"
    write(
        tmp_path,
        {
            "a.png": png(text=field),
            "b.png": png(text=claim + b"trainedAlgorithmicMedia"),
            "c.png": png(text=claim + b"digitalCapture"),
            "d.png": png(text=b"c2pa\0\0\0\0\0claim"),
            "e.txt": 'the field {"AIGC":{"Label":"1"}} in a text',
        },
    )
    _, reasons, _ = collected(tmp_path)
    assert {p: r for p, (r, _) in reasons.items()} == {"a.png": "generated", "b.png": "generated"}


def test_a_mark_across_the_border_of_two_reads_is_found(tmp_path):
    data = png() + b"\0" * ((1 << 20) - len(png()) - 10) + b"trainedAlgorithmicMedia"
    write(tmp_path, {"a.png": data})
    assert collected(tmp_path)[1]["a.png"][0] == "generated"


def test_manifests_of_any_form_are_joined_and_rows_without_a_file_are_accounted_for(tmp_path):
    write(
        tmp_path,
        {
            "v/a.png": png(),
            "v/b.png": png(9),
            "s/c.wav": wav(),
            "d.png": png(10),
            "e.png": png(11),
            "doc.txt": "Some words of its own.",
            "captions.csv": "File Name,Description,License,Language\nv/a.png,A cat on a wall,CC0-1.0,english\n"
            "v/gone.png,lost,,\n../../etc/passwd,stolen,,\nhttps://example.com/x.png,far,,\n",
            "v/more.jsonl": json.dumps(
                {"image": "b.png", "text": "一只猫", "title": "=cmd()", "lang": "zh_Hans", "consent": True}
            )
            + "\nbad\n",
            "s/manifest.tsv": "audio_filepath\ttext\nc.wav\twhat is said in it\n",
            "list.json": json.dumps(
                [
                    {"path": "d.png", "caption": ["first", "second"]},
                    {"path": str(tmp_path / "e.png"), "caption": "by address"},
                    {"path": "a.png", "title": "by its name alone"},
                    {"path": "doc.txt", "licence": "CC-BY-4.0"},
                ]
            ),
        },
    )
    sources, reasons, _ = collected(tmp_path)
    assert (
        sources["v/a.png"] | {"caption": "A cat on a wall", "licence": "CC0-1.0", "lang": "en", "title": "by its name alone"}
        == sources["v/a.png"]
    )
    assert (
        sources["v/b.png"] | {"caption": "一只猫", "title": "=cmd()", "lang": "zh-Hans", "consent": "true"}
        == sources["v/b.png"]
    )
    assert sources["s/c.wav"] | {"transcript": "what is said in it", "caption": None} == sources["s/c.wav"]
    assert (sources["d.png"]["caption"], sources["e.png"]["caption"]) == ("first", "by address")
    assert (
        sources["doc.txt"] | {"text": "Some words of its own.", "licence": "CC-BY-4.0", "modality": "text"}
        == sources["doc.txt"]
    )
    missing = {p: d for p, (r, d) in reasons.items() if r == "missing_file"}
    assert set(missing) == {"captions.csv#L3", "captions.csv#L4", "captions.csv#L5"}
    assert "outside the source folder" in missing["captions.csv#L4"]
    assert "not fetched" in missing["captions.csv#L5"]
    assert reasons["captions.csv"] == (
        "sidecar",
        "a manifest of 4 rows: 1 joined, 3 name files that are not there, 0 cannot be understood",
    )
    assert "1 cannot be understood" in reasons["v/more.jsonl"][1]
    assert reasons["v/more.jsonl#L2"][0] == "bad_row"
    assert all(sources[p]["modality"] == "sidecar" for p in ("captions.csv", "v/more.jsonl", "s/manifest.tsv", "list.json"))


def test_a_manifest_beside_the_folder_names_files_as_one_inside_it_would(tmp_path):
    write(tmp_path, {"clips/x/a.png": png(8), "clips/y/a.png": png(9), "clips/b.png": png(10),
                     "captions.csv": "file,caption\nx/a.png,one\nclips/y/a.png,two\nb.png,three\na.png,whose\n"})
    sources, reasons, _ = collected([tmp_path / "clips", tmp_path / "captions.csv"])
    assert {p: row["caption"] for p, row in sources.items() if row["modality"] == "image"} == {
        "clips/x/a.png": "one", "clips/y/a.png": "two", "clips/b.png": "three"}
    assert [p for p, (r, _) in reasons.items() if r == "missing_file"] == ["captions.csv#L5"]


def test_every_row_of_a_manifest_that_cannot_be_understood_is_named_with_its_line(tmp_path):
    write(tmp_path, {"a.png": png(9), "names.csv": "file,caption\na.png,one\na.png,too,many\n,no name\n",
                     "broken.csv": 'file,caption\na.png,"never closed\na.png,two\n'})
    sources, reasons, _ = collected(tmp_path)
    assert {p: d for p, (r, d) in reasons.items() if r == "bad_row"} == {
        "names.csv#L3": "3 cells under 2 columns", "names.csv#L4": "it names no file",
        "broken.csv#L2": "a quote in it is never closed: it takes 2 lines, to the end of the table"}
    assert sources["a.png"]["caption"] == "two"
    assert reasons["broken.csv"] == ("sidecar", "a manifest of 2 rows: 1 joined, 0 name files that are not there, 1 cannot be understood")


@pytest.mark.parametrize("table", [
    "url,video_path,caption\nhttps://example.com/watch?v=1,a.png,a red car\n", "video,caption\na,a red car\nvideo7011,not here\n",
    "path,video,caption\n/mnt/elsewhere/a.png,a,a red car\n"])
def test_a_row_names_its_file_in_whichever_column_it_does(tmp_path, table):
    """Each became a collection of texts: only the first column was tried, and no name without an extension."""
    write(tmp_path, {"a.png": png(), "captions.csv": table})
    sources, reasons, _ = collected(tmp_path)
    assert sources["a.png"]["caption"] == "a red car"
    assert reasons["captions.csv"][1].startswith(f"a manifest of {table.count(chr(10)) - 1} rows: 1 joined")


def test_a_name_without_extension_means_the_one_medium_that_is_called_so(tmp_path):
    write(tmp_path, {"x/a.png": png(8), "y/a.png": png(9), "b.png": png(10), "b.wav": wav(), "c.png": png(11), "c.bin": b"\0\1",
                     "x/t.csv": "video,caption\na,of x\n", "behaviour.csv": "video_id,views,viewers\nc,9,7\n",
                     "t.csv": "video,caption\na,whose\nb,whose\nc,one\nc.bin,two\n"})
    sources, _, behaviour = collected(tmp_path)
    assert {p: row["caption"] for p, row in sources.items() if row["caption"]} == {"x/a.png": "of x", "c.png": "one", "c.bin": "two"}
    assert behaviour["c.png"]["views"] == 9


def test_a_name_without_extension_means_the_film_beside_its_thumbnail(tmp_path):
    write(tmp_path, {"a.mp4": b"film", "a.jpg": png(8), "b.png": png(9), "b.wav": wav(), "t.csv": "video,caption\na,of the film\nb,whose\n"})
    _, reasons, _ = collected(tmp_path)
    assert "2 rows: 1 joined, 1 name files that are not there" in reasons["t.csv"][1]
    assert "more than one file is called so" in reasons["t.csv#L3"][1]


@pytest.mark.parametrize("table", [
    "name,caption\na.png,one\nb.png,two\n", "video_id,caption\na,one\nb,two\n", "Clip Name,Caption\na.png,one\nb.png,two\n", "文件名称,描述\na.png,one\nb.png,two\n",
    "id,which,caption\n1,a.png,one\n2,b.png,two\n3,gone.png,three\n"])
def test_a_column_of_which_most_cells_name_media_names_the_files(tmp_path, table):
    """Captions became samples of text, and the media stayed without any."""
    write(tmp_path, {"a.png": png(8), "b.png": png(9), "t.csv": table})
    sources, reasons, _ = collected(tmp_path)
    assert {p: row["caption"] for p, row in sources.items() if row["caption"]} == {"a.png": "one", "b.png": "two"}
    assert "2 joined" in reasons["t.csv"][1]


@pytest.mark.parametrize(("table", "name"), [
    ("file,caption_en,caption_zh,title_zh\na.png,AA,甲,题\n", "t.csv"), ("file,caption_zh-CN,caption (English)\na.png,甲,AA\n", "t.csv"),
    ('{"file": "a.png", "caption": {"zh": "猫", "en": "AA"}}\n', "t.jsonl"), ('{"file": "a.png", "captions": [{"text": "AA"}, {"text": "BB"}]}\n', "t.jsonl"),
    ("file,caption,caption_en\na.png,nan,AA\n", "t.csv"), ("文件,中文描述,英文描述\na.png,甲,AA\n", "t.csv"), ("file,text_zh,text_en\na.png,甲,AA\n", "t.csv")])
def test_captions_by_languages_are_captions(tmp_path, table, name):
    write(tmp_path, {"a.png": png(), name: table})
    sources, reasons, _ = collected(tmp_path)
    assert sources["a.png"]["caption"] == "AA"
    assert "nothing" not in reasons[name][1]


@pytest.mark.parametrize("columns", ["file,prompt", "video_path,cap", "file,提示词", "file,dense_caption", "file,short_caption", "file,en_prompt"])
def test_captions_go_by_the_names_that_sets_for_text_to_video_give_them(tmp_path, columns):
    write(tmp_path, {"a.png": png(), "metadata.csv": f"{columns}\na.png,AA\n"})
    sources, reasons, _ = collected(tmp_path)
    assert sources["a.png"]["caption"] == "AA"
    assert "nothing" not in reasons["metadata.csv"][1]


def test_prompts_are_a_collection_of_texts_where_no_model_answers_them(tmp_path):
    write(tmp_path, {"a.png": png(), "p.jsonl": '{"prompt": "a cat sleeps"}\n', "t.jsonl": '{"text_zh": "一只猫在睡觉", "text_en": "a dog runs"}\n',
                     "asked.jsonl": '{"prompt": "Tell me a joke", "response": "No."}\n', "m.jsonl": '{"file": "a.png", "prompt": "Describe it", "answer": "A cat"}\n'})
    sources, reasons, _ = collected(tmp_path)
    assert {p: row["text"] for p, row in sources.items() if row["text"]} == {"p.jsonl#L1": "a cat sleeps", "t.jsonl#L1": "a dog runs"}
    assert reasons["asked.jsonl"][0] == "unknown_format"
    assert sources["a.png"]["caption"] is None
    assert "1 say nothing of their file" in reasons["m.jsonl"][1]


@pytest.mark.parametrize("table", ["a.png,AA one\nb.png,BB two\n", "B.png,BB two\n", "gone.mp4|AA one\na.png|BB two\n", "a,AA one\nb,BB two\n"])
def test_a_first_line_that_is_a_row_is_said_to_be_one(tmp_path, table):
    """Its file lost its caption, and "a manifest of 1 rows" was all that was said."""
    write(tmp_path, {"a.png": png(), "b.png": png(9), "B.png": png(10), "t.csv": table})
    name = table.replace("|", ",").partition(",")[0]
    assert collected(tmp_path)[1]["t.csv"] == ("unknown_format", f"its first line is a row, for it names {name!r}: write the names of the columns above it")


@pytest.mark.parametrize("header", ["clip,caption", "video,caption,meta.ts", "file,caption,next.ts"])
def test_names_of_columns_that_files_have_too_are_no_row(tmp_path, header):
    write(tmp_path, {"a.png": png(), "clip.png": png(9), "t.csv": f"{header}\na.png,AA{',b.ts' if header.endswith('ts') else ''}\n"})
    assert collected(tmp_path)[0]["a.png"]["caption"] == "AA"


@pytest.mark.parametrize("table", [
    {"file": ["a.png", "b.png"], "caption": ["AA", {"en": "BB"}]}, {"file": {"0": "a.png", "1": "b.png"}, "caption": {"0": "AA", "1": "BB"}},
    {"0": {"file": "a.png", "caption": "AA"}, "1": {"file": "b.png", "caption": "BB"}}, {"data": [{"file": "a.png", "caption": "AA"}, {"file": "b.png", "caption": "BB"}]}])
@pytest.mark.parametrize("indent", [None, 1])
def test_json_by_columns_has_a_row_for_each_of_its_values(tmp_path, table, indent):
    """All but the first vanished, and "a manifest of 1 rows: 1 joined" was all that was said."""
    write(tmp_path, {"a.png": png(), "b.png": png(9), "m.json": json.dumps(table, indent=indent)})
    sources, reasons, _ = collected(tmp_path)
    assert (sources["a.png"]["caption"], sources["b.png"]["caption"]) == ("AA", "BB")
    assert reasons["m.json"][1].startswith("a manifest of 2 rows: 2 joined")


def test_json_of_one_object_or_of_several_tables_is_none_by_columns(tmp_path):
    coco = {"images": [{"id": 1, "file_name": "a.png"}], "captions": [{"image_id": 1, "caption": "AA"}]}
    write(tmp_path, {"a.png": png(), "one.json": '{"file": "a.png", "captions": ["AA", "BB"]}', "coco.json": json.dumps(coco)})
    sources, reasons, _ = collected(tmp_path)
    assert sources["a.png"]["caption"] == "AA"
    assert reasons["coco.json"] == ("unknown_format", "2 lists of objects in one JSON; write one, with all that is said of a file in its object")


@pytest.mark.parametrize(("given", "tag"), [
    ("EN", "en"), ("en_us", "en-US"), ("eng", "en"), ("Chinese (Simplified)", "zh-Hans"), ("Traditional Chinese", "zh-Hant"), ("中文（繁體）", "zh-Hant"),
    ("English (US)", "en"), ("粤语", "yue"), ("Español", "es"), ("zho_Hans", "zh-Hans"), ("quc-Latn", "quc-Latn"), ("en_US.UTF-8", "en-US"), ("sc-IT", "sc-IT"),
    ("und", None), ("mul", None), ("yes", None), ("all", None), ("en;zh", None)])
def test_a_language_is_what_is_one(tmp_path, given, tag):
    write(tmp_path, {"a.png": png(), "t.csv": f"file,caption,lang\na.png,AA,{given}\n"})
    assert collected(tmp_path)[0]["a.png"]["lang"] == tag


def test_a_language_that_is_none_leaves_room_for_one_that_is(tmp_path):
    write(tmp_path, {"a.png": png(), "t.csv": "file,lang,language\na.png,und,\n", "b.png": png(9), "u.csv": "file,lang,language\nb.png,und,ja\n",
                     "a.en.srt": "1\n00:00:01,000 --> 00:00:02,000\nHello\n"})
    sources, reasons, _ = collected(tmp_path)
    assert (sources["a.png"]["lang"], sources["b.png"]["lang"]) == ("en", "ja")
    assert "1 say nothing of their file" in reasons["t.csv"][1]


def test_rows_that_say_nothing_of_their_file_are_counted(tmp_path):
    write(tmp_path, {"a.png": png(8), "b.png": png(9), "t.csv": "file,beschreibung,caption\na.png,ein Hund,\nb.png,,NULL\n"})
    sources, reasons, _ = collected(tmp_path)
    assert {row["caption"] for row in sources.values()} == {None}
    assert "2 say nothing of their file in a column that is known (title, caption," in reasons["t.csv"][1]


def test_texts_with_the_address_of_a_picture_among_them_are_texts(tmp_path):
    rows = [{"url": f"https://a.example/wiki/{name}", "text": f"What stands on {name}."} for name in ("File:X.jpg", "Lake", "Hill")]
    write(tmp_path, {"wiki.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
                     "laion.jsonl": json.dumps({"url": "https://a.example/1.jpg?w=9", "text": "a cat"}) + "\n"})
    sources, reasons, _ = collected(tmp_path)
    assert [p for p, row in sources.items() if row["text"]] == ["wiki.jsonl#L1", "wiki.jsonl#L2", "wiki.jsonl#L3"]
    assert reasons["laion.jsonl#L1"][0] == "missing_file"


def test_a_manifest_may_name_files_below_a_link_that_is_a_source(tmp_path):
    folder = write(tmp_path / "real", {"a.png": png()})
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "one.png").symlink_to(folder / "a.png")
    (tmp_path / "t.csv").write_text(f"file,caption,title\n{tmp_path}/link/a.png,by the link,\n{tmp_path}/one.png,,T\n")
    for root, told in ("link", ("by the link", None)), ("one.png", (None, "T")), ("real", (None, None)):
        sources, _, _ = collected([tmp_path / root, tmp_path / "t.csv"])
        assert {(row["caption"], row["title"]) for row in sources.values() if row["modality"] == "image"} == {told}
    assert fingerprint(listing([str(tmp_path / "link")])) != fingerprint(listing([str(folder)]))


def test_a_bare_name_is_looked_for_where_the_table_has_its_media(tmp_path):
    """ds1/captions.csv gave its caption to ds2/0050.png, of another set, for want of a file of its own."""
    write(tmp_path, {"ds1/v/0001.png": png(8), "ds2/v/0050.png": png(9), "ds1/t.csv": "file,caption\n0050.png,lost\n0001.png,one\nv/0050.png,lost\n",
                     "ds2/meta/t.csv": "file,caption\n0050.png,fifty\n", "t.csv": "file,title\n0050.png,T\n"})
    for roots in ([tmp_path], [tmp_path / "ds1", tmp_path / "ds2", tmp_path / "t.csv"]):
        sources, reasons, _ = collected(roots)
        assert {p: (row["caption"], row["title"]) for p, row in sources.items() if row["modality"] == "image"} == {
            "ds1/v/0001.png": ("one", None), "ds2/v/0050.png": ("fifty", "T")}
        assert [p for p, (r, _) in reasons.items() if r == "missing_file"] == ["ds1/t.csv#L2", "ds1/t.csv#L4"]


def test_a_stray_quote_costs_a_manifest_one_row(tmp_path):
    """"1 joined", said the manifest, and the caption of a.png was the rest of the table."""
    write(tmp_path, {"a.png": png(8), "b.png": png(9), "c.png": png(10), "t.csv": 'file,caption\na.png,"A big dog\nb.png,a cat\nc.png,a screen of 5"\n'})
    sources, reasons, _ = collected(tmp_path)
    assert {p: row["caption"] for p, row in sources.items() if row["modality"] == "image"} == {"a.png": None, "b.png": "a cat", "c.png": 'a screen of 5"'}
    assert [p for p, (r, _) in reasons.items() if r == "bad_row"] == ["t.csv#L2"]


def test_captions_that_are_not_taken_are_counted(tmp_path):
    write(tmp_path, {"a.png": png(), "t.csv": "file,caption,title\na.png,one,\na.png,two,\na.png,three,T\na.png,one,\n", "u.csv": "file,lang\na.png,en\n"})
    sources, reasons, _ = collected(tmp_path)
    assert (sources["a.png"]["caption"], sources["a.png"]["title"], sources["a.png"]["lang"]) == ("one", "T", "en")
    assert reasons["t.csv"][1] == ("a manifest of 4 rows: 2 joined, 0 name files that are not there, 0 cannot be understood, "
                                   "2 speak of a file that is described already")
    assert reasons["u.csv"][1].endswith("1 joined, 0 name files that are not there, 0 cannot be understood")


def test_sidecars_of_the_same_stem_speak_for_their_medium(tmp_path):
    write(
        tmp_path,
        {
            "a.png": png(),
            "a.txt": "caption in a text file",
            "b.png": png(9),
            "b.info.json": json.dumps(
                {"title": "Title", "description": f"call {PHONE}", "license": "CC-BY", "language": "en", "formats": [1]}
            ),
            "c.wav": wav(),
            "c.zh.srt": "1\n00:00:01,000 --> 00:00:02,000\n<i>你好</i>\n\n2\n00:00:02,000 --> 00:00:03,000\n世界\n",
            "d.png": png(10),
            "d.json": "{broken",
            "lonely.txt": "a text of its own, about nothing else",
        },
    )
    sources, reasons, _ = collected(tmp_path)
    assert sources["a.png"]["caption"] == "caption in a text file"
    assert (
        sources["b.png"] | {"title": "Title", "caption": "call <PHONE>", "licence": "CC-BY", "lang": "en", "pii_count": 1}
        == sources["b.png"]
    )
    assert sources["c.wav"] | {"transcript": "你好\n世界", "lang": "zh"} == sources["c.wav"]
    assert sources["d.png"]["caption"] is None
    assert {p for p, (r, _) in reasons.items() if r == "sidecar"} == {"a.txt", "b.info.json", "c.zh.srt", "d.json"}
    assert {p for p, (_, detail) in reasons.items() if "nothing in it could be understood" in detail} == {"d.json"}
    assert sources["lonely.txt"]["text"] == "a text of its own, about nothing else"


def test_a_sidecar_speaks_for_the_longest_stem_and_the_shortest_one_speaks_first(tmp_path):
    """scene.mp4 took the caption of scene.1.mp4, which stands first by name."""
    write(tmp_path, {
        "scene.png": png(8), "scene.txt": "the whole", "scene.1.png": png(9), "scene.1.txt": "part one", "scene.en.txt": "weaker",
        "v1.png": png(10), "v1.0.txt": "of a file that is not here", "v1.es-419.srt": "1\n00:00:01,000 --> 00:00:02,000\nhola\n",
        "b.png": png(11), "b.wav": wav(), "b.png.txt": "the picture alone", "b.json": '{"title": "both"}',
    })
    sources, reasons, _ = collected(tmp_path)
    assert {p: row["caption"] for p, row in sources.items() if row["modality"] in ("image", "audio")} == {
        "scene.png": "the whole", "scene.1.png": "part one", "v1.png": None, "b.png": "the picture alone", "b.wav": None}
    assert sources["v1.0.txt"]["text"] == "of a file that is not here"
    assert (sources["v1.png"]["transcript"], sources["v1.png"]["lang"]) == ("hola", "es-419")
    assert (sources["b.png"]["title"], sources["b.wav"]["title"]) == ("both", "both")
    assert reasons["scene.en.txt"][0] == "sidecar"


def test_collections_of_texts_become_one_source_a_line(tmp_path):
    write(
        tmp_path,
        {
            "texts.jsonl": '{"text": "First line of words.", "lang": "en", "source": "somewhere:else.txt"}\n'
            'not json\n{"text": ""}\n'
            f'{{"content": "second, call {PHONE}"}}\n',
            "lines.csv": 'id,caption,title\n1,"a caption, with\na line end",T\n2,another one,\n',
            "corpus.json": '[{"text": "in an array"}, 7]',
            "about.csv": "file,licence\ntexts.jsonl,CC0-1.0\n",
        },
    )
    sources, reasons, _ = collected(tmp_path)
    texts = {p: row["text"] for p, row in sources.items() if row["modality"] == "text" and row["error"] is None}
    assert texts == {
        "texts.jsonl#L1": "First line of words.",
        "texts.jsonl#L4": "second, call <PHONE>",
        "lines.csv#L2": "a caption, with\na line end",
        "lines.csv#L4": "another one",
        "corpus.json#L1": "in an array",
    }
    assert {p for p, (r, _) in reasons.items() if r == "bad_row"} == {"texts.jsonl#L2", "texts.jsonl#L3", "corpus.json#L2"}
    assert sources["texts.jsonl#L1"]["licence"] == "CC0-1.0"
    assert sources["texts.jsonl#L1"]["uri"] == f"{tmp_path}/texts.jsonl#L1"
    assert sources["lines.csv#L2"]["title"] == "T"
    assert reasons["texts.jsonl"][0] == "sidecar"


@pytest.mark.parametrize(("name", "data", "after", "rows"), [
    ("t.jsonl", '{"text": "one"}\n{"text": "two"}\n', None, {"t.jsonl": "missing_file", "t.jsonl#L1": "missing_file"}),
    ("t.json", '[{"text": "one"}]', '[{"text": ', {"t.json": "sidecar", "t.json#L1": "unknown_format"}),
])
def test_a_collection_of_texts_that_changes_after_planning_is_refused_and_ends_nothing(tmp_path, name, data, after, rows):
    file = write(tmp_path, {name: data, "good.png": png()}) / name
    items = list(plan(listing([str(tmp_path)]), 5))
    file.unlink() if after is None else file.write_text(after)
    part = collect_task(CollectTask(tuple(items), "policy", "run"), Settings())
    paths = {row["source_id"]: row["rel_path"] for row in part.tables["sources"].to_pylist()}
    assert {paths[row["source_id"]]: row["reason"] for row in part.tables["rejects"].to_pylist()} == rows
    assert (part.seen, part.kept) == (len(rows) + 1, 1)


def test_a_table_in_a_place_out_of_reach_is_read_later_not_left_out(monkeypatch):
    """Else an hour without a network would leave a release without its captions."""
    memory = fsspec.filesystem("memory")
    memory.pipe({"/desk/a.png": png(), "/desk/a.txt": b"a caption", "/desk/b.csv": b"file,caption\na.png,one\n"})
    found = {f.name: f for f in listing(["memory://desk"])}

    def out_of_reach(file, *args):
        raise OSError("timed out")

    monkeypatch.setattr(MemoryFile, "read", out_of_reach)
    for work in (lambda: join([found["b.csv"]], Places(list(found.values()))), lambda: read_sidecar(found["a.txt"])):
        with pytest.raises(Transient, match="timed out"):
            work()
    monkeypatch.undo()
    memory.rm("/desk", recursive=True)


def test_behaviour_is_summed_and_nobody_can_be_found_in_it(tmp_path):
    events = [
        {"file": "a.png", "user_id": f"viewer-{i % 6}", "completion": 0.5, "liked": i < 3, "shared": i == 0} for i in range(12)
    ]
    events += [{"file": "b.png", "user_id": f"viewer-{i}", "completion": 1.0} for i in range(4)]
    events += [{"file": "nowhere.png", "user_id": "x"}, {"user_id": "y"}, {"file": "d.wav", "user_id": "z", "event": "like"}]
    write(
        tmp_path,
        {
            "a.png": png(),
            "b.png": png(9),
            "c.png": png(10),
            "d.wav": wav(0.5),
            "behaviour.jsonl": "".join(json.dumps(e) + "\n" for e in events),
            "behavior_daily.csv": "file,views,users,likes,shares,completion\n"
            "c.png,100,40,10,5,50%\nc.png,300,30,1,1,0.1\nc.png,-5,,,,\n",
            "behaviour-watched.csv": "source,viewer,watched_s,action\n" + "".join(f"d.wav,v{i},0.25,play\n" for i in range(8)),
        },
    )
    sources, reasons, behaviour = collected(tmp_path, k_anonymity=5)
    facts = {p: {k: v for k, v in row.items() if k != "source_id"} for p, row in behaviour.items()}
    assert facts["a.png"] == {"views": 12, "completion": 0.5, "likes": 3, "shares": 1, "k": 6}
    assert facts["c.png"] == {"views": 400, "completion": pytest.approx(0.2), "likes": 11, "shares": 6, "k": 40}
    assert facts["d.wav"] == {"views": 8, "completion": pytest.approx(0.5), "likes": 1, "shares": 0, "k": 9}
    assert set(facts) == {"a.png", "c.png", "d.wav"}
    assert "viewer-" not in json.dumps([sources, reasons, behaviour], default=str)
    assert "1 sources with fewer than 5 people get no row" in reasons["behaviour.jsonl"][1]
    assert collected(tmp_path, k_anonymity=3)[2]["b.png"]["k"] == 4


@pytest.mark.parametrize("ids", [("u1", " u1", "u1 ", "u1\t", "u1"), ("7", "7.0", "7 ", " 7", "7.00"), ("nan", "NULL", "-", "None", "n/a")])
def test_one_person_written_in_several_ways_is_one(tmp_path, ids):
    write(tmp_path, {"a.png": png(), "behaviour.csv": "video,user_id\n" + "".join(f'a.png,"{person}"\n' for person in ids)})
    assert collected(tmp_path, k_anonymity=5)[2] == {}


@pytest.mark.parametrize(("cells", "facts"), [
    ('50,"1,234",1.2万,3.4k,85', (1234, 12_000, 3_400, 0.85)),
    ('50,"12,345,678",10w+,"2,000.0",85%', (12_345_678, 100_000, 2_000, 0.85)),
    ("50,1.5亿,1.13万,1_000,1.3", (150_000_000, 11_300, 1_000, 1.0)),
    ("50,7,-,n/a,nan", (7, 0, 0, None)),
    ("50,7,,,0.4", (7, 0, 0, 0.4)),
    *((f"50,{cell}", None) for cell in ("many,1,1,0.5", '"1,5",1,1,0.5', "7,some,1,0.5", "7,1,-3,0.5", "7,1,1,850", "7,1,1,high", "1e400,1,1,0.5", "k,1,1,1")),
])
def test_counts_are_read_as_people_write_them_or_their_row_is_bad(tmp_path, cells, facts):
    """Views of 1,234 were 0, and a completion of 85 was 1."""
    write(tmp_path, {"a.png": png(), "behaviour.csv": f"file,viewers,views,likes,shares,completion_rate\na.png,{cells}\n"})
    _, reasons, behaviour = collected(tmp_path)
    names = ("views", "likes", "shares", "completion")
    assert {p: tuple(row[n] for n in names) for p, row in behaviour.items()} == ({"a.png": pytest.approx(facts)} if facts else {})
    told = ("behaviour of 1 sources", "0 cannot be understood") if facts else ("behaviour of 0 sources", "1 cannot be understood; 0 sources with fewer")
    assert all(words in reasons["behaviour.csv"][1] for words in told)


def test_one_person_s_record_that_is_not_understood_counts_nothing(tmp_path):
    rows = [{"file": "a.png", "user_id": f"u{i}", "watched_s": "8", "duration": "0:16" if i else 16} for i in range(5)]
    write(tmp_path, {"a.png": png(), "behaviour.jsonl": "".join(json.dumps(r) + "\n" for r in [*rows, rows[0] | {"user_id": "u6", "watched_s": "much"}])})
    _, reasons, behaviour = collected(tmp_path)
    assert (behaviour["a.png"]["views"], behaviour["a.png"]["k"], behaviour["a.png"]["completion"]) == (5, 5, 0.5)
    assert "1 cannot be understood" in reasons["behaviour.jsonl"][1]


@pytest.mark.parametrize(("columns", "events", "facts"), [
    ("视频,用户,行为", ("播放", "点赞", "分享"), (6, 6, 6, None)),
    ("video,user_id,event", ("播放", "点赞", "转发", "完播"), (6, 6, 6, 1.0)),
    ("video,user_id,event_name", ("video_view", "thumbs_up", "forward", "play_complete"), (6, 6, 6, 1.0)),
    ("videoId,userId,eventType", ("VideoStart", "likeVideo", "SHARE"), (6, 6, 6, None)),
    ("video,user_id,type", ("view", "like", "share"), (6, 6, 6, None)),
    ("video,user_id,type", ("video",), (6, 0, 0, None)),
    ("作品,用户ID,事件", ("曝光", "视频播放"), (6, 0, 0, None)),
    ("video,user_id,event", ("impression", "like"), (6, 6, 0, None))])
def test_events_are_known_by_the_words_that_people_use(tmp_path, columns, events, facts):
    """Likes were views where the column was called 行为, and nothing where they were called 点赞."""
    write(tmp_path, {"a.png": png(), "behaviour.csv": f"{columns}\n" + "".join(f"a.png,u{i},{event}\n" for i in range(6) for event in events)})
    row = collected(tmp_path)[2]["a.png"]
    assert tuple(row[name] for name in ("views", "likes", "shares", "completion")) == facts


def test_what_is_done_beside_views_likes_and_shares_is_said_and_counts_nothing(tmp_path):
    table = "video,user_id,event,completion\n" + "".join(f"a.png,u{i},view,0.5\na.png,v{i},unlike,\na.png,w{i},评论,\na.png,x{i},,\n" for i in range(5))
    write(tmp_path, {"a.png": png(), "behaviour.csv": table})
    _, reasons, behaviour = collected(tmp_path)
    assert {name: behaviour["a.png"][name] for name in ("views", "likes", "k", "completion")} == {"views": 10, "likes": 0, "k": 10, "completion": 0.5}
    assert "0 cannot be understood, 10 tell of events that are neither views nor likes nor shares, 5 tell of no event and count as views;" in reasons["behaviour.csv"][1]


def test_views_that_were_told_of_by_their_start_and_their_end_are_one_each(tmp_path):
    table = "video,user_id,event\n" + "".join(f"a.png,u{i},play\n" for i in range(8)) + "a.png,u1,complete\na.png,u2,complete\n"
    write(tmp_path, {"a.png": png(), "behaviour.csv": table})
    row = collected(tmp_path)[2]["a.png"]
    assert (row["views"], row["completion"]) == (8, 0.25)


def test_what_is_not_a_number_is_no_text_either(tmp_path):
    """Tables that pandas wrote: a caption was "nan"."""
    write(tmp_path, {"a.png": png(), "t.jsonl": '{"file": "a.png", "caption": NaN, "lang": NaN, "title": 1e3, "licence": [Infinity], "consent": ' + "9" * 400 + '}\n'})
    row = collected(tmp_path)[0]["a.png"]
    assert (row["caption"], row["lang"], row["title"], row["licence"], row["consent"]) == (None, None, "1000.0", None, "9" * 400)


def test_untrusted_cells_never_crash_and_are_bounded(tmp_path):
    with (tmp_path / "captions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption", "title", "lang", "licence"])
        rows.writerow(["a.png", "x" * 10_000_000, "<script>alert(1)</script>", "'; DROP TABLE", "L" * 9999])
        rows.writerow(["b.png", '=HYPERLINK("http://x")', "\u202etxt", "en-GB", ""])
        rows.writerow(["../" * 3000, "c", "", "", ""])
        rows.writerow(["\x00\x01", "c", "", "", ""])
    write(tmp_path, {"a.png": png(), "b.png": png(9)})
    sources, reasons, _ = collected(tmp_path)
    assert len(sources["a.png"]["caption"]) == 20_000
    assert len(sources["a.png"]["licence"]) == 500
    assert (sources["a.png"]["lang"], sources["b.png"]["lang"]) == (None, "en-GB")
    assert sources["b.png"]["caption"] == '=HYPERLINK("http://x")'
    assert sum(r == "missing_file" for r, _ in reasons.values()) == 2
    assert all(len(d or "") < 500 for _, d in reasons.values())


def test_masking_can_be_turned_off_and_then_counts_nothing(tmp_path):
    write(tmp_path, {"a.txt": f"Call {PHONE} about the boat."})
    row = collected(tmp_path, mask_pii=False)[0]["a.txt"]
    assert PHONE in row["text"]
    assert row["pii_count"] == 0


def test_equal_bytes_have_equal_hashes_and_other_ids(tmp_path):
    write(tmp_path / "one", {"a.png": png()})
    write(tmp_path / "two", {"a.png": png()})
    sources, _, _ = collected([tmp_path / "one", tmp_path / "two"])
    one, two = sources["one/a.png"], sources["two/a.png"]
    assert one["sha256"] == two["sha256"]
    assert one["source_id"] != two["source_id"]


def test_the_plan_depends_on_the_folder_alone_and_is_cut_by_bytes_and_number(tmp_path):
    write(tmp_path, {f"{i:03}.bin": b"x" * (20 << 20 if i == 5 else 10) for i in range(40)})
    write(tmp_path, {"005.bin": b"x" * (33 << 20)})
    items = list(plan(listing([str(tmp_path)]), 5))
    cut = list(batches(items))
    assert [item for batch in cut for item in batch] == items
    assert max(map(len, cut)) <= 16
    assert [len(b) for b in cut][:2] == [5, 1]


def test_the_identity_of_a_run_is_the_listing(tmp_path):
    write(tmp_path, {"a.png": png()})
    settings = Settings.model_validate({"runtime": {"sources": [str(tmp_path)]}})
    before = COLLECT.outside(settings)
    assert COLLECT.outside(settings) == before
    write(tmp_path, {"b.png": png()})
    assert COLLECT.outside(settings) != before


def test_a_version_is_made_from_the_listing_that_it_is_named_after(tmp_path, monkeypatch):
    """A file that came between naming and making was in a version whose name says nothing of it."""
    folder = write(tmp_path / "in", {"a.png": png()})
    settings = Settings.model_validate({"runtime": {"sources": [str(folder)]}})
    made = []

    def listed_while_files_arrive(*args):
        found = listing(*args)
        write(folder, {f"{len(found)}.png": png()})
        return found

    monkeypatch.setattr(job, "listing", listed_while_files_arrive)
    run = SimpleNamespace(settings=settings, lake=Lake(str(tmp_path / "lake")), policy_hash="p", run_id="r",
                          parts=lambda tasks, work, weight: made.append([item.found for task in tasks for item in task.items]))
    for count in (1, 2):
        named = COLLECT.outside(settings)["listing"]
        COLLECT.run(run)
        assert (len(made[-1]), fingerprint(made[-1])) == (count, named)


@pytest.mark.parametrize("cover_bytes", [100, 300_000])
@pytest.mark.parametrize("name", ["wav", "adts"])
def test_the_container_is_that_of_the_sound_however_long_the_tag_before_it_is(tmp_path, name, cover_bytes):
    """A tag with a cover in it is longer than the head of a file; packed audio of HLS is ADTS behind one."""
    size = bytes(cover_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    plain = wav() if name == "wav" else adts()
    write(tmp_path, {"plain": plain, "tagged": b"ID3\4\0\0" + size + bytes(cover_bytes) + plain})
    sources, reasons, _ = collected(tmp_path)
    assert not reasons
    facts = [[sources[path][column] for column in ("modality", "container", "audio_codec")] for path in ("plain", "tagged")]
    assert facts[1] == facts[0] == ["audio", *(("wav", "pcm_s16le") if name == "wav" else ("aac", "aac"))]


def test_what_we_generate_ourselves_is_never_collected_again(tmp_path):
    import numpy as np

    from jobs.generate.asset import aigc, encoded

    frames = np.random.default_rng(1).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
    write(tmp_path, {
        "ours.mp4": encoded(frames, 8, {"AIGC": aigc("reelmill", "some-id")}),
        "plain.mp4": encoded(frames, 8, {"title": "a day at the sea"}),
    })
    sources, reasons, _ = collected(tmp_path)
    assert {p: r for p, (r, _) in reasons.items()} == {"ours.mp4": "generated"}
    assert sources["plain.mp4"] | {"modality": "video", "width": 64, "video_codec": "h264"} == sources["plain.mp4"]


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 54 + 4, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4)


@pytest.mark.parametrize(("width", "height"), [(-320, 240), (2**31 - 1, 2**31 - 1), (0, 0)])
def test_a_header_of_sizes_that_nothing_has_is_a_row_like_others(tmp_path, width, height):
    """Four thousand million pixels, as Pillow reads a negative width, fit no column: the whole collection ended."""
    (tmp_path / "a.bmp").write_bytes(bmp(width, height))
    (tmp_path / "good.png").write_bytes(png())
    sources, reasons, _ = collected(tmp_path)
    assert set(sources) == {"a.bmp", "good.png"}
    assert all(value is None or 0 < value < 1e9 for value in (sources["a.bmp"]["width"], sources["a.bmp"]["height"]))
    assert "good.png" not in reasons


def test_counts_that_add_up_to_more_than_a_column_holds_are_bounded(tmp_path):
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "behaviour.csv").write_text("file,users,views\n" + "good.png,10,999999999999999\n" * 9300)
    _, _, behaviour = collected(tmp_path)
    assert behaviour["good.png"]["views"] == 2**63 - 1


def test_what_cannot_be_read_says_what_to_do_with_it(tmp_path):
    """A plain list of files named .m3u8 was called a text with a wrong name, an archive neither media nor text, and a JSON too deep
    for Python told of recursion."""
    write(tmp_path, {
        "list.m3u8": "good.png\n",
        "shard.tar": b"a.png".ljust(257, b"\0") + b"ustar\0" + bytes(249 + 512),
        "more.zip": b"PK\3\4" + bytes(100),
        "clip.mp4.gz": b"\x1f\x8b" + bytes(100),
        "captions.parquet": b"PAR1" + bytes(100) + b"PAR1",
        "deep.json": "[" * 100_000,
        "numbers.jsonl": '{"text": ' + "9" * 5000 + "}\n" + json.dumps({"text": "a line of words"}) + "\n",
        "noname": b"\0\1\2" * 99,
        "good.png": png(),
    })
    _, reasons, _ = collected(tmp_path)
    assert reasons["list.m3u8"][0] == "playlist"
    assert {name: reasons[name][0] for name in ("shard.tar", "more.zip", "clip.mp4.gz", "captions.parquet", "deep.json", "noname")} == dict.fromkeys(
        ("shard.tar", "more.zip", "clip.mp4.gz", "captions.parquet", "deep.json", "noname"), "unknown_format")
    assert all("unpack it" in reasons[name][1] for name in ("shard.tar", "more.zip", "clip.mp4.gz"))
    assert "CSV or JSONL" in reasons["captions.parquet"][1]
    assert "nested too deeply" in reasons["deep.json"][1]
    assert reasons["numbers.jsonl#L1"] == ("bad_row", "not JSON: a number of thousands of digits")
    assert "no extension" in reasons["noname"][1]


@pytest.mark.parametrize("name", ["behaviour.csv", "behaviour2.csv", "behaviour-2026-11.csv", "Behavior_log.csv", "behaviours.csv"])
def test_every_name_that_begins_with_behaviour_is_a_record_of_it(tmp_path, name):
    """README: `behaviour*.csv`. One named behaviour2.csv was read as a manifest, and who watched was lost."""
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / name).write_text("file,user_id\n" + "".join(f"good.png,u{i}\n" for i in range(9)))
    _, _, behaviour = collected(tmp_path)
    assert behaviour["good.png"]["k"] == 9


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_join_however_a_disk_or_a_table_writes_them(tmp_path, on_disk, in_table):
    """macOS writes them as signs of their own, spreadsheets do not: thousands of captions joined nothing."""
    name, other = (unicodedata.normalize(form, "für/Café ガ") for form in (on_disk, in_table))
    folder, file = name.split("/")
    write(tmp_path, {f"{folder}/{file}.png": png(), "captions.csv": f"file,caption\n{other}.png,a cup of coffee\n",
                     f"{folder}/{other.split('/')[1]}.json": json.dumps({"title": "A Café"})})
    sources, reasons, _ = collected(tmp_path)
    row = sources[f"{folder}/{file}.png"]
    assert (row["caption"], row["title"]) == ("a cup of coffee", "A Café")
    assert "1 joined, 0 name files" in reasons["captions.csv"][1]


def test_two_files_that_differ_in_the_writing_of_an_accent_alone_stay_two(tmp_path):
    apart, one = (unicodedata.normalize(form, "é.png") for form in ("NFD", "NFC"))
    write(tmp_path, {apart: png(), one: png(9), "captions.csv": f"file,caption\n{one},one sign\n{apart},two signs\n"})
    sources, _, _ = collected(tmp_path)
    assert (sources[one]["caption"], sources[apart]["caption"]) == ("one sign", "two signs")
