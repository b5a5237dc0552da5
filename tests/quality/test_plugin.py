"""The page inside Airflow says why it is not there."""

import asyncio
import sys

import pytest

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
