"""Which versions a job reads: all of one generation, and none of another is ever refused that fits."""

import pytest

from jobs.errors import Terminal
from jobs.job import CORPUS, ORDER, job
from jobs.lake import Lake
from jobs.parents import generation, parents

pytestmark = pytest.mark.usefixtures("turn")


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake")).open(create=True)


def ran(lake, name, version, **told):
    """A job has made a version, of what it reads or of what is told, and it is the current one."""
    made = job(name)
    read = told or {f"{table}@{parent.manifest['job']}": parent.fingerprint for table, parent in parents(made, lake).items()}
    for table in made.writes:
        lake.write_json({"fingerprint": version, "job": name, "parents": {**read, "listing": "x"}, "rows": 0, "files": [], "measured": []},
                        table.name, version, "manifest.json")
    lake.make_current(name, version)


def built(lake, version, names=CORPUS):
    for name in names:
        ran(lake, name, f"{name}-{version}")


def read_by(lake, name):
    """The fingerprints of all that a job reads."""
    return {table: version.fingerprint for table, version in parents(job(name), lake).items()}


def test_new_sources_are_not_fused_with_what_was_made_of_old_ones(lake):
    built(lake, 1)
    ran(lake, "collect", "collect-2")
    left = list(CORPUS[1:-1])
    while left:
        name, *later = left
        then = f", then {', '.join(later)}" if later else ""
        with pytest.raises(Terminal, match=f"run `reelmill run {name}` first{then}$"):
            parents(job("fuse"), lake)
        ran(lake, name, f"{name}-2")
        left = later
    assert set(read_by(lake, "fuse").values()) == {"collect-2", "measure-2", "dedup-2", "label-2"}


def test_the_message_names_what_is_stale_and_the_way_out(lake):
    built(lake, 1)
    ran(lake, "collect", "collect-2")
    with pytest.raises(Terminal, match=r"lake: measure has not run since collect made other `sources`; run `reelmill run measure` first, then judge, dedup$"):
        parents(job("label"), lake)


def test_sources_that_are_as_they_were_again_make_nothing_stale(lake):
    built(lake, 1)
    ran(lake, "collect", "collect-2")
    lake.make_current("collect", "collect-1")
    assert read_by(lake, "fuse")["labels"] == "label-1"


def test_standing_clips_are_labelled_again_and_fused(lake):
    built(lake, 1)
    for version in ("only-a", "only-b"):
        ran(lake, "label", version)
        assert read_by(lake, "fuse")["labels"] == version


def test_another_policy_judges_what_was_measured_and_goes_all_the_way(lake):
    built(lake, 1)
    ran(lake, "judge", "judge-2")
    assert read_by(lake, "dedup") == {"clips": "measure-1", "rejects": "judge-2"}
    for name, told in (("label", "run dedup` first$"), ("fuse", "dedup has not run since judge made other `rejects`; .* then label$")):
        with pytest.raises(Terminal, match=told):
            parents(job(name), lake)
    built(lake, 2, ("dedup", "label", "fuse"))


def test_an_optional_table_binds_nobody(lake):
    built(lake, 1)
    ran(lake, "label", "label-2", **{"clips@measure": "measure-1", "rejects@dedup": "dedup-1", "sources@collect": "collect-0"})
    lake.remove("behaviour")
    assert read_by(lake, "fuse") == {"clips": "measure-1", "rejects": "dedup-1", "duplicates": "dedup-1", "labels": "label-2", "sources": "collect-1"}


def test_what_is_drawn_from_a_release_is_filmed_though_another_stands_by_now(lake):
    built(lake, 1, tuple(ORDER)[:-1])
    ran(lake, "fuse", "taken-down")
    assert read_by(lake, "generate") == {"prompts": "prompts-1", "rejects": "prompts-1"}
    assert read_by(lake, "publish") == {"prompts": "prompts-1", "generations": "generate-1", "rejects": "generate-1"}
    assert read_by(lake, "prompts") == {"samples": "taken-down"}
    ran(lake, "collect", "collect-2")
    assert read_by(lake, "prompts") == {"samples": "taken-down"}, "a release that stands is drawn from whatever was collected since"


def test_clips_of_other_prompts_are_not_published(lake):
    built(lake, 1, ("prompts", "generate"))
    ran(lake, "prompts", "prompts-2")
    with pytest.raises(Terminal, match="generate has not run since prompts made other `prompts`; run `reelmill run generate` first$"):
        parents(job("publish"), lake)


def test_what_an_older_program_noted_in_another_way_is_no_reason_to_refuse(lake):
    for name in CORPUS[:-1]:
        ran(lake, name, f"{name}-1", **{"rejects@collect": "?", "index@2026.01.01": "?", "clips": "?", "labeler x@measure": "?", "clips@judge": "?"})
    lake.write_json({"fingerprint": "collect-2", "job": "collect", "parents": {}, "rows": 0, "files": []}, "sources", "collect-2", "manifest.json")
    ran(lake, "measure", "measure-1", **{"sources@collect": "collect-1", "rejects@collect": "collect-1"})
    assert read_by(lake, "fuse")["sources"] == "collect-1"


@pytest.mark.parametrize("name", [name for name in ORDER if name not in ("collect", "prompts")])
def test_what_is_missing_is_named(lake, name):
    with pytest.raises(Terminal, match="there is no `.*` yet; run `reelmill run "):
        parents(job(name), lake)


def test_a_run_reads_what_it_made_and_else_what_that_was_made_from(lake, turn):
    """A build is half-way when clips are labelled again, and goes on before these labels are read."""
    built(lake, 1)
    turn("build")
    ran(lake, "collect", "collect-2")
    turn("relabel")
    assert read_by(lake, "label") == {"clips": "measure-1", "rejects": "dedup-1", "sources": "collect-1"}
    ran(lake, "label", "again")
    turn("build")
    built(lake, 2, CORPUS[1:4])
    turn("relabel")
    assert read_by(lake, "fuse") == {
        "clips": "measure-1", "rejects": "dedup-1", "duplicates": "dedup-1", "labels": "again", "sources": "collect-1", "behaviour": "collect-1"}
    assert generation(job("fuse"), lake) == {"label": "again", "dedup": "dedup-1", "judge": "judge-1", "measure": "measure-1", "collect": "collect-1"}
    turn("build")
    with pytest.raises(Terminal, match="label has not run since measure made other `clips`; run `reelmill run label` first$"):
        parents(job("fuse"), lake)
    ran(lake, "label", "label-2")
    assert set(read_by(lake, "fuse").values()) == {"collect-2", "measure-2", "dedup-2", "label-2"}


def test_a_run_of_which_one_task_was_cleared_is_told_to_do_the_rest_again(lake, turn):
    turn("build")
    built(lake, 1)
    ran(lake, "collect", "collect-2")
    with pytest.raises(Terminal, match="run `reelmill run measure` first, then judge, dedup, label$"):
        parents(job("fuse"), lake)


def test_what_another_run_generates_is_not_what_was_approved_in_this_one(lake, turn):
    turn("asks a person")
    built(lake, 1, ("prompts", "generate"))
    turn("does not")
    built(lake, 2, ("prompts", "generate"))
    turn("asks a person")
    assert read_by(lake, "publish")["generations"] == "generate-1"
