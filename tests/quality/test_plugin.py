"""The page inside Airflow says why it is not there."""

import asyncio
import sys
from pathlib import Path

import pytest

from quality.export import _relative
from tests.quality.test_export import NASTY

pytestmark = pytest.mark.airflow


def test_a_page_that_takes_too_long_is_said_and_the_command_is_ended(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("REELMILL_RUNTIME__LAKE", str(tmp_path / "lake"))
    from quality import plugin

    started = []
    start = asyncio.create_subprocess_exec

    async def slow(*words, **pipes):
        started.append(await start(sys.executable, "-c", "import time; time.sleep(600)", **pipes))
        return started[0]

    monkeypatch.setattr(plugin.asyncio, "create_subprocess_exec", slow)
    monkeypatch.setattr(plugin, "TIMEOUT_S", 0.1)
    page = asyncio.run(plugin.report())
    assert page.status_code == 503
    assert b"was not made within" in page.body
    assert started[0].returncode is not None


def test_videos_are_asked_for_here_whatever_their_folder_is_called(monkeypatch, tmp_path):
    """The page that `reelmill report` wrote addresses them by their place on the disk, which no browser may open from here."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("REELMILL_RUNTIME__LAKE", str(tmp_path / NASTY / "lake"))
    from jobs.lake import Lake
    from quality import plugin

    runtime = plugin.load().runtime
    (Path(runtime.lake).parent / "videos").mkdir(parents=True)
    page = plugin.page_of(runtime)
    page.parent.mkdir()
    page.write_text(f'<video src="{_relative(Lake(runtime.lake), page, None)}/v.mp4">')
    shown = asyncio.run(plugin.report())
    assert shown.body == b'<video src="videos/v.mp4">'
