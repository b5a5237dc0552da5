"""The report page holds what the lake holds, asks for nothing, and nothing in the lake can add to it."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pytest

from jobs.lake import Lake
from quality.charts import Limit, duration, histogram, number, size
from quality.drift import psi
from quality.exhibits import (
    clusters,
    jpeg,
    latest,
    limits_of,
    looked_at,
    measures,
    mixes,
    reject_groups,
    rejects,
    videos,
    yields,
)
from quality.export import report, write_report
from quality.reader import made
from quality.run import check, gate_of
from schemas import SOURCES
from tests.quality.conftest import BY_NAME, an_id


class Page(HTMLParser):
    """Elements with their attributes, and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(full_lake) -> Page:
    for job in made(full_lake):
        for version in job.versions.values():
            assert check(version).ok
    return Page(report(full_lake, videos_at="videos"))


def test_jobs_come_in_the_order_of_the_data_and_none_is_stale(full_lake):
    jobs = made(full_lake)
    assert [m.job for m in jobs] == ["collect", "measure", "judge", "dedup", "label", "fuse", "prompts", "generate", "publish"]
    assert not any(m.stale for m in jobs)


def test_a_job_whose_parent_was_made_anew_is_stale_and_so_is_all_behind_it(full_lake, tmp_path):
    import shutil
    shutil.copytree(full_lake.root, tmp_path / "lake")
    lake = Lake(str(tmp_path / "lake"))
    manifest = lake.read_json("clips", "d" * 12, "manifest.json")
    lake.write_json({**manifest, "fingerprint": "9" * 12, "files": [], "rows": 0}, "clips", "9" * 12, "manifest.json")
    lake.write_json({"fingerprint": "9" * 12}, "_current", "measure.json")
    assert {m.job for m in made(lake) if not m.stale} == {"collect", "measure"}


def test_the_page_asks_for_nothing(page):
    names = ("src", "href", "poster", "srcset", "action", "data")
    addresses = [a[name] for _, a in page.elements for name in names if name in a]
    assert {re.split(r"[:/#]", address)[0] for address in addresses} == {"data", "", "videos"}
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.elements}
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "url(" not in "".join(page.texts)


def test_hostile_names_stay_text(page):
    assert not [tag for tag, attrs in page.elements if any(name.startswith("on") for name in attrs)]
    assert any("<script>alert(1)<" in text for text in page.texts)


def test_the_funnel_the_reasons_and_the_thresholds_are_told(page):
    text = " ".join(" ".join(page.texts).split())
    assert "blurred blurred 画面模糊 8" in text
    assert "unknown_format not a format that is understood 无法识别的格式 4" in text
    assert "judge 60 in" in text
    assert "51 85.0% kept" in text
    assert "blurred < 30" in text
    assert "black > 0.5" in text
    assert "today" not in text
    assert "今天去了西藏" in text


def test_rejected_clips_and_duplicates_have_their_pictures(page):
    pictures = [a for a in page.all("img") if a["src"].startswith("data:image/jpeg;base64,")]
    assert len(pictures) >= 4 + 1 + 3 + 6
    assert all("alt" in a for a in pictures)


def test_a_published_video_is_linked_by_a_relative_path(page):
    assert [a["src"] for a in page.all("video")] == ["videos/v.mp4"]


def test_the_file_finds_the_videos_beside_the_lake(full_lake, tmp_path):
    out = Path(full_lake.root).parent / "pages" / "report.html"
    write_report(full_lake, out)
    assert [a["src"] for a in Page(out.read_text(encoding="utf-8")).all("video")] == ["../videos/v.mp4"]
    assert [p.name for p in out.parent.iterdir()] == ["report.html"]


NASTY = """a #1 & 100%25' "q" ü: b"""


def test_a_video_is_linked_whatever_its_folder_is_called(tmp_path, full_lake):
    root = tmp_path / NASTY / "lake"
    shutil.copytree(full_lake.root, root)
    (root.parent / "videos").mkdir()
    (root.parent / "videos" / "v.mp4").touch()
    out = tmp_path / "pages" / "report.html"
    write_report(Lake(str(root)), out)
    source, = (a["src"] for a in Page(out.read_text(encoding="utf-8")).all("video"))
    assert not urlsplit(source).scheme + urlsplit(source).query + urlsplit(source).fragment
    assert (out.parent / unquote(urlsplit(source).path)).is_file()


def test_figures_of_a_large_lake_are_about_those_of_the_whole(tmp_path, standing, monkeypatch):
    monkeypatch.setattr("quality.exhibits.MAX_ROWS", 500)
    lake = Lake(str(tmp_path)).open(create=True)
    sources = [{"source_id": an_id("s", i), "rel_path": f"{'ab'[i % 4 == 0]}/{i}.mp4"} for i in range(4000)]
    clips = [{"clip_id": an_id("c", i), "source_id": s["source_id"], "modality": "video", "sharpness": 50.0 + i % 7, "duration_s": 2.0}
             for i, s in enumerate(sources)]
    gone = [c for i, c in enumerate(clips) if i % 5 == 0]
    kept = [c for i, c in enumerate(clips) if i % 5]
    standing(lake, BY_NAME["sources"], sources, fingerprint="a" * 12, manifest={"job": "collect"})
    standing(lake, BY_NAME["clips"], clips, {"sources@collect": "a" * 12}, {"job": "measure"}, fingerprint="b" * 12)
    standing(lake, BY_NAME["rejects"], [
        {"sample_id": c["clip_id"], "source_id": c["source_id"], "stage": "judge", "check": check, "reason": check, "decisive": not n}
        for c in gone for n, check in enumerate(("blurred", "static", "dark"))
    ], {"clips@measure": "b" * 12}, {"job": "judge", "seen": 4000, "kept": 3200, "rejected": {"blurred": 800}}, fingerprint="c" * 12)
    standing(lake, BY_NAME["samples"], [{"sample_id": c["clip_id"], "source_id": c["source_id"], "modality": "video", "split": "train", "duration_s": 2.0}
                                        for c in kept], {"clips@measure": "b" * 12}, {"job": "fuse", "seen": 3200}, fingerprint="d" * 12)
    for job, fingerprint in (("collect", "a"), ("measure", "b"), ("judge", "c"), ("fuse", "d")):
        lake.write_json({"fingerprint": fingerprint * 12}, "_current", f"{job}.json")
    jobs = made(lake)
    tables = latest(jobs)
    every = looked_at([*tables.values()])
    assert every == 8
    rows = rejects(jobs, every)
    whole, torn = measures(tables, rows, every)["sharpness"]
    assert len(torn) / (len(torn) + len(whole)) == pytest.approx(0.2, abs=0.06)
    assert {g.reason: g.count for g in reject_groups(rows, jobs, tables, 4, 2)} == {"blurred": 800}
    for found, sources_in in zip(yields(tables, rejects(jobs, every, "source_id"), 4, every), (3000, 1000), strict=True):
        assert (found.sources, found.clips) == pytest.approx((sources_in, sources_in), rel=0.2)
        assert (found.samples, found.seconds) == pytest.approx((sources_in * 0.8, sources_in * 1.6), rel=0.25)
        assert dict(found.why) == {"blurred": pytest.approx(sources_in * 0.2, rel=0.4)}
    assert dict(mixes(tables, 4)["split"]) == {"train": pytest.approx(3200, rel=0.2)}
    assert "of one id in 8" in report(lake)


def test_the_page_calls_drift_as_the_gate_does(tmp_path, standing):
    """On few rows the index is large by chance: the gate asks for proof, and so does the page."""
    lake, row, rng = Lake(str(tmp_path)).open(create=True), gate_of("samples").good.rows[0], np.random.default_rng(4)
    draws = {"motion": rng.normal(0, 1, (2, 25)), "sharpness": [np.linspace(0, 1, 25), np.linspace(5, 6, 25)]}
    assert psi(*draws["motion"]) > 0.25
    for day, name in enumerate("ab"):
        rows = [{**row, "sample_id": an_id(day, i), "source_id": an_id(i), **{n: float(v[day][i]) for n, v in draws.items()}} for i in range(25)]
        last = standing(lake, BY_NAME["samples"], rows, fingerprint=name * 12, manifest={
            "job": "fuse", "started": f"2026-01-0{day + 1}T00:00:00+00:00", "finished": f"2026-01-0{day + 1}T01:00:00+00:00"})
    lake.make_current("fuse", last.fingerprint)
    assert [f.check for f in check(last).warnings] == ["drift_psi_warn"]
    said = [text for text in Page(report(lake)).texts if text.strip()]
    assert [said[said.index(name) + 4] for name in draws] == ["stable", "shifted"]


def test_an_empty_lake_has_a_page_too(tmp_path):
    text = report(Lake(str(tmp_path)).open(create=True))
    assert "Nothing has been built in this lake yet." in text


def test_limits_are_found_on_the_measurement_that_they_are_about(full_lake):
    jobs = made(full_lake)
    found = limits_of(latest(jobs), rejects(jobs, 1))
    assert set(found) == {Limit("sharpness", "<", 30.0, "blurred"), Limit("black_share", ">", 0.5, "black")}


def test_a_reject_of_a_label_is_no_limit_of_a_measurement_with_the_same_value(full_lake):
    jobs = made(full_lake)
    rows = rejects(jobs, 1)
    [sharp] = [r for r in rows.to_pylist() if r["reason"] == "blurred"][:1]
    unsafe = {**sharp, "stage": "fuse", "check": "safety", "reason": "unsafe", "op": ">", "threshold": 0.0}
    both = pa.concat_tables([rows, pa.Table.from_pylist([unsafe], schema=rows.schema)])
    assert set(limits_of(latest(jobs), both)) == set(limits_of(latest(jobs), rows))


def test_lengths_are_those_of_what_lasts(tmp_path, standing):
    clips = [{"clip_id": an_id(i), "modality": kind, "duration_s": length} for i, (kind, length) in enumerate([("video", 2.0), ("audio", 3.0), ("text", 0.0)])]
    kept, gone = measures({"clips": standing(Lake(str(tmp_path)), BY_NAME["clips"], clips)}, None, 1)["duration_s"]
    assert (sorted(kept), len(gone)) == ([2.0, 3.0], 0)


def test_clusters_show_every_kind_of_evidence(full_lake):
    shown, count = clusters(latest(made(full_lake)), 8, 4)
    assert count == 3
    assert {loser.method for c in shown for loser in c.losers} == {"exact", "perceptual", "minhash"}


def test_what_lies_in_no_folder_is_counted_as_such(tmp_path, standing):
    rows = [{"source_id": str(i), "rel_path": path, "connector": "file"} for i, path in enumerate(("a.mp4", "b.mp4", "file/c.mp4"))]
    found = yields({"sources": standing(Lake(str(tmp_path)), SOURCES, rows)}, None, 9, 1)
    assert [(y.name, y.sources) for y in found] == [("in no folder", 2), ("file", 1)]


def test_only_jpegs_of_a_sane_size_are_embedded():
    assert jpeg(b"<svg onload=alert(1)>") == ""
    assert jpeg(b"\xff\xd8\xff" + b"\0" * 300_000) == ""
    assert jpeg(b"\xff\xd8\xff\xe0").startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("uri", ["../secret.mp4", "javascript:alert(1)", "//host/x.mp4", "a b.mp4", "/etc/x.mp4"])
def test_an_address_that_leads_elsewhere_is_not_linked(tmp_path, standing, uri):
    from schemas import PUBLICATIONS

    version = standing(Lake(str(tmp_path)), PUBLICATIONS, [{"publication_id": "1", "uri": uri}])
    assert [v.href for v in videos({"publications": version}, None, "videos", 4)] == [""]


def test_bars_of_a_histogram_add_up_and_a_limit_shades_its_side():
    svg = str(histogram(np.linspace(0, 10, 50), np.linspace(0, 2, 10), [Limit("motion", "<", 2.0, "static")]))
    counts = [tuple(map(int, m)) for m in re.findall(r": (\d+) kept, (\d+) rejected", svg)]
    assert (sum(k for k, _ in counts), sum(d for _, d in counts)) == (50, 10)
    x, width = map(float, re.search(r'class="out" x="([\d.]+)" y="0" width="([\d.]+)"', svg).groups())
    assert x == 0
    assert width == pytest.approx(320 * 2 / 10, abs=2)


def test_a_limit_far_from_all_values_is_not_drawn_at_the_border():
    far = Limit("motion", ">", 3.0, "too_shaky")
    assert 'class="limit"' not in str(histogram(np.linspace(0, 0.5, 50), np.zeros(0), [far]))
    assert 'class="limit"' in str(histogram(np.linspace(0, 4, 50), np.zeros(0), [far]))


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1234567, "1,234,567"), (0.5, "0.5"), (12.345, "12.3"),
                                             (0.000123, "0.0001"), (-27.74, "-27.7"), (999, "999")])
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_sizes_and_lengths_are_for_people():
    assert (size(999), size(12_345_678), size(2.5e12)) == ("999 B", "12.3 MB", "2.5 TB")
    assert (duration(4.25), duration(75), duration(7380)) == ("4.2 s", "1 min 15 s", "2 h 03 min")
