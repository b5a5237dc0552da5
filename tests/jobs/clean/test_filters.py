"""Every filter judges its own examples; the folder as a whole covers the vocabulary."""

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.clean import filters as folder
from jobs.clean.filter import Limit, filters, within
from schemas import CLIPS
from schemas.reasons import REASONS

FILTERS = filters()
EXAMPLES = [pytest.param(f, *example, id=f"{f.name}:{example[1] or 'keep'}:{place}")
            for f in FILTERS.values() for place, example in enumerate((*e, {})[:3] for e in f.examples)]


@pytest.mark.parametrize(("f", "row", "code", "thresholds"), EXAMPLES)
def test_a_filter_judges_its_own_examples(f, row, code, thresholds):
    full = dict.fromkeys(f.columns) | row
    why = f.verdict(full, f.config(**thresholds))
    assert (why and why.code) == code


@pytest.mark.parametrize("f", FILTERS.values(), ids=FILTERS)
def test_a_filter_reads_only_contract_columns_and_shows_all_its_outcomes(f):
    assert set(f.columns) <= set(CLIPS.schema.names)
    codes = {example[1] for example in f.examples}
    assert codes == {None, *f.codes}
    assert set(f.codes) <= set(REASONS)


@pytest.mark.parametrize("f", FILTERS.values(), ids=FILTERS)
def test_another_modality_and_missing_numbers_are_not_judged(f):
    worst = dict.fromkeys(f.columns)
    for modality in ("video", "image", "audio", "text"):
        if modality not in f.applies or f.needs:
            assert f.verdict(worst | {"modality": modality}, f.config()) is None


def test_every_reason_of_the_policy_has_a_filter_and_only_one():
    names = list(REASONS)
    vocabulary = set(names[names.index("too_short"):names.index("unlicensed") + 1])
    given_by = [code for f in FILTERS.values() for code in f.codes]
    assert set(given_by) == vocabulary
    assert len(given_by) == len(set(given_by))


def test_every_file_of_the_folder_is_a_filter_of_its_own_name():
    files = {p.stem for p in Path(folder.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == set(FILTERS)


def test_every_threshold_says_where_it_comes_from():
    """A bare string follows each threshold: the source of its default."""
    for path in sorted(Path(folder.__file__).parent.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if not (isinstance(node, ast.ClassDef) and node.name == "Config"):
                continue
            assert ast.get_docstring(node), path.name
            for field, after in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign):
                    text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and str(after.value.value)
                    assert len(text or "") > 20, f"{path.name}: {ast.unparse(field.target)}"
            assert not isinstance(node.body[-1], ast.AnnAssign), f"{path.name}: the last threshold has no source"


def test_filters_come_in_the_order_of_the_vocabulary():
    places = [min(list(REASONS).index(c) for c in f.codes) for f in FILTERS.values()]
    assert places == sorted(places)


@given(st.integers(1, 8000), st.integers(1, 8000), st.integers(2, 5))
def test_aspect_ratio_ignores_scale(w, h, k):
    f = FILTERS["aspect_ratio"]
    row, scaled = ({"modality": "video", "width": w * n, "height": h * n} for n in (1, k))
    assert (f.verdict(row, f.config()) is None) == (f.verdict(scaled, f.config()) is None)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=False), st.sampled_from("<>"))
def test_a_limit_is_broken_exactly_by_what_is_beyond_it_and_by_what_is_no_number(value, threshold, op):
    from types import SimpleNamespace

    why = Limit("black", op, "t", "x").judge({"x": value}, SimpleNamespace(t=threshold))
    beyond = math.isnan(value) or (value < threshold if op == "<" else value > threshold)
    assert (why is not None) == beyond


def test_a_threshold_of_none_compares_nothing():
    from types import SimpleNamespace

    assert within(Limit("black", ">", "t", "x"))({"x": 1e9}, SimpleNamespace(t=None)) is None
