import pyarrow as pa
import pytest

from schemas import CLIPS, LABELS, REJECTS, SOURCES, TABLES
from schemas.reasons import REASONS
from schemas.table import Table, col


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_every_column_is_documented(table):
    assert all(field.metadata and field.metadata[b"doc"] for field in table.schema)


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_the_columns_are_those_that_were_reviewed(table, root, bless):
    golden = root / "tests" / "golden" / "schemas" / f"{table.name}.txt"
    text = "".join(f"{f.name} {f.type}{'' if f.nullable else ' not null'}\n" for f in table.schema)
    if bless:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_columns_that_other_programs_read_have_their_promised_names():
    promised = {"sources": "source_id uri modality", "clips": "clip_id source_id start_s end_s",
                "rejects": "sample_id stage check value threshold reason", "duplicates": "loser_id keeper_id method score",
                "labels": "clip_id labeler key score"}
    by_name = {t.name: t for t in TABLES}
    for table, columns in promised.items():
        assert set(columns.split()) <= set(by_name[table].schema.names)


@pytest.mark.parametrize("table", [CLIPS, LABELS], ids=lambda t: t.name)
def test_whatever_is_no_single_number_or_word_of_a_clip_is_erased_with_it(table):
    shown = {f.name for f in table.schema if pa.types.is_nested(f.type) or pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)}
    assert shown <= set(table.personal)


def test_a_key_must_be_a_column():
    with pytest.raises(ValueError, match="nope"):
        Table("t", pa.schema([col("a", pa.string(), "a")]), key=("nope",))


def test_conform_refuses_a_missing_column_and_a_null_where_none_may_be():
    table = Table("t", pa.schema([col("a", pa.string(), "a"), col("n", pa.int32(), "n", nullable=True)]), key=("a",))
    with pytest.raises(KeyError):
        table.conform(pa.table({"a": ["x"]}))
    with pytest.raises(ValueError):
        table.conform(pa.table({"a": pa.array([None], pa.string()), "n": pa.array([1], pa.int32())}))


def test_rows_name_an_unknown_column():
    with pytest.raises(ValueError, match="reson"):
        REJECTS.rows([{"sample_id": "a", "reson": "black"}])


def test_every_reason_is_told_in_two_languages():
    assert all(len(words) == 2 and all(words) for words in REASONS.values())
    assert all(any("\u4e00" <= c <= "\u9fff" for c in zh) for _, zh in REASONS.values())


def test_sources_keep_unreadable_objects_too():
    assert SOURCES.schema.field("error").nullable
    assert SOURCES.schema.field("sha256").nullable
