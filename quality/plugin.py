"""The quality page inside the Airflow UI: a plugin with an entry in the navigation. The one file here that knows Airflow.

It shows the lake of the settings in the environment (`REELMILL_RUNTIME__LAKE`). The page itself is made by the command
`reelmill report`, which knows where tables lie, and made again when the lake has moved on. Whoever may see Airflow's website
may see it; nobody else.
"""

import asyncio
import html
import os
import re
import sys
import time
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse

from schemas.loading import load
from schemas.settings import Runtime

AGE_S = 60.0
"""A page older than this is made again when somebody asks."""
TIMEOUT_S = 120.0
NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.mp4$")
app = FastAPI(title="Data quality", dependencies=[Depends(requires_access_view(AccessView.WEBSITE))])
_one_at_a_time = asyncio.Lock()


@app.get("/report", response_class=HTMLResponse)
async def report() -> HTMLResponse:
    """The page; or, where it cannot be made, the one sentence that says why."""
    runtime = load().runtime
    page = page_of(runtime)
    async with _one_at_a_time:
        if not page.exists() or time.time() - page.stat().st_mtime > AGE_S:
            command = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).parent / "reelmill"), "report", "--lake", runtime.lake, "--out", str(page),
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)
            try:
                _, said = await asyncio.wait_for(command.communicate(), TIMEOUT_S)
            except TimeoutError:
                command.kill()
                await command.wait()
                said = f"the page was not made within {TIMEOUT_S:.0f} s".encode()
            if command.returncode:
                return HTMLResponse(f"<p>{html.escape(said.decode(errors='replace'))}</p>", status_code=503)
    text = page.read_text(encoding="utf-8")
    folder = videos_of(runtime)
    if folder is not None:
        text = text.replace(f'src="{seen_from(folder, page)}/', 'src="videos/')
    return HTMLResponse(text)


@app.get("/videos/{name}")
def video(name: str) -> FileResponse:
    """A published video of a local lake."""
    folder = videos_of(load().runtime)
    if folder is None or not NAME.match(name) or not (folder / name).is_file():
        raise HTTPException(404, "there is no such video")
    return FileResponse(folder / name, media_type="video/mp4")


def page_of(runtime: Runtime) -> Path:
    """Where the page of a lake is kept."""
    folder = Path(os.environ.get("AIRFLOW_HOME", gettempdir())) / "quality"
    return folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', runtime.lake)[-80:]}.html"


def videos_of(runtime: Runtime) -> Path | None:
    """The folder of published videos, where it is a folder of this machine."""
    if runtime.out:
        guesses = [Path(runtime.out)]
    else:
        guesses = [] if "://" in runtime.lake else [Path(runtime.lake) / "videos", Path(runtime.lake).parent / "videos"]
    return next((folder for folder in guesses if folder.is_dir()), None)


def seen_from(folder: Path, page: Path) -> str:
    """The folder as the page addresses it."""
    return quote(os.fsencode(os.path.relpath(folder.resolve(), page.parent.resolve())))


class DataQuality(AirflowPlugin):  # type: ignore[misc]
    """What Airflow loads."""

    name = "reelmill_quality"
    fastapi_apps = [{"app": app, "url_prefix": "/quality", "name": "Data quality"}]  # noqa: RUF012
    external_views = [{  # noqa: RUF012
        "name": "Data quality", "href": "/quality/report", "destination": "nav", "url_route": "data-quality"}]
