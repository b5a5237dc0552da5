"""`reelmill trigger DAG`: starts a run in a live Airflow through its REST API."""

import argparse
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, InvalidURL
from typing import Any

from jobs.chat import NoRedirect
from jobs.cli.common import json_word, show
from jobs.errors import Terminal, Transient

TIMEOUT_S = 30


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("dag", nargs="?", default="build_and_generate", metavar="DAG")
    parser.add_argument("--conf", default="{}", metavar="JSON", help='its parameters, for example \'{"sources": ["/data"]}\'')
    parser.add_argument("--url", default=os.environ.get("REELMILL_AIRFLOW", "http://127.0.0.1:8080"), help="address of Airflow")
    parser.add_argument(
        "--user", default=os.environ.get("REELMILL_AIRFLOW_USER", "admin"), help="user; the password is read from REELMILL_AIRFLOW_PASSWORD"
    )
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Trigger it and print the run."""
    try:
        conf = json.loads(args.conf)
    except (ValueError, RecursionError) as error:
        raise Terminal(f"--conf {args.conf[:200]!r} is not JSON: {error}") from None
    if not isinstance(conf, dict):
        raise Terminal(f'--conf {args.conf[:200]!r} is not a JSON object; write for example \'{{"sources": ["/data"]}}\'')
    if "://" not in args.url:
        raise Terminal(f"--url {args.url!r} has no scheme; write http://{args.url}")
    if not _is_address(args.url):
        raise Terminal(f"--url {args.url!r} is no address of Airflow; write http://HOST:PORT")
    url = args.url.rstrip("/")
    password = os.environ.get("REELMILL_AIRFLOW_PASSWORD")
    if not password:
        raise Terminal("no password: set REELMILL_AIRFLOW_PASSWORD (`reelmill up` prints where Airflow keeps it)")
    token = _post(f"{url}/auth/token", {"username": args.user, "password": password}).get("access_token")
    if not token:
        raise Terminal(f"{url} gave no token; is this the address of Airflow?")
    run = _post(f"{url}/api/v2/dags/{urllib.parse.quote(args.dag, safe='')}/dagRuns", {"logical_date": None, "conf": conf}, token)
    show(run, args.as_json, f"{args.dag}: {run.get('dag_run_id')} is {run.get('state')}")
    return 0


def _is_address(url: str) -> bool:
    """Whether a URL has a host and, if it has one, a port that there can be."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _post(url: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    head = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), head, method="POST")
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=TIMEOUT_S) as answer:
            return dict(json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        if error.code < 400 and (elsewhere := error.headers.get("Location")):
            raise Terminal(f"{url} sends on to {elsewhere}, and a password is for the server that is named; give its address with --url") from None
        raise (Transient if error.code >= 500 else Terminal)(f"{url} answered {error.code}: {_said(error.read())}") from None
    except InvalidURL as error:
        raise Terminal(f"{url}: {error}; write --url http://HOST:PORT") from None
    except (OSError, HTTPException) as error:
        raise Transient(f"no Airflow at {url} ({error}); `reelmill up` starts one") from None
    except (ValueError, TypeError, RecursionError):
        raise Terminal(f"{url} does not answer as Airflow does; give its address with --url") from None


def _said(answer: bytes) -> str:
    """What Airflow gives as its reason, on one line."""
    try:
        said = json.loads(answer)["detail"]
    except (ValueError, KeyError, TypeError):
        said = answer.decode(errors="replace")
    return " ".join((said if isinstance(said, str) else json.dumps(said)).split("\n\n")[0].split())[:500]
