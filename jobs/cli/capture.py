"""`reelmill capture`: records live streams into a landing folder that `build` then collects."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from jobs.cli.common import json_word, nonempty, note, settings_of, settings_words, show
from jobs.errors import RunError, Terminal, Transient


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("streams", nargs="*", metavar="URL", help="addresses of HLS playlists; all are recorded at once")
    parser.add_argument("--out", type=nonempty, metavar="DIR", help="landing folder")
    parser.add_argument("--seconds", type=float, help="length of media to record of each (default 600)")
    settings_words(parser, lake=False)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Record all of them; the exit code says whether another try may help any that could not be recorded."""
    from jobs.collect.live import Recorded, Wanted, plain, record

    live = settings_of(args, capture__streams=args.streams or None, capture__folder=args.out, capture__seconds=args.seconds).runtime.capture
    if not live.streams:
        raise Terminal("nothing to record: name streams, `reelmill capture https://host/live.m3u8 --out landing`")
    if "://" in live.folder:
        raise Terminal(f"{live.folder}: streams are recorded into a folder of this machine; give --out a folder")

    def one(url: str) -> Recorded | RunError:
        try:
            return record(Wanted(url, Path(live.folder), live.seconds, live.file_s, live.licence, live.consent, live.hosts))
        except RunError as error:
            return error

    with ThreadPoolExecutor(len(live.streams)) as pool:
        ended = list(zip(live.streams, pool.map(one, live.streams), strict=True))
    for url, outcome in ended:
        if isinstance(outcome, RunError):
            note(f"{plain(url)}: {str(outcome).removeprefix(plain(url)).lstrip(': ')}")
    recorded = [outcome for _, outcome in ended if isinstance(outcome, Recorded)]
    if recorded or args.as_json:
        show([asdict(r) for r in recorded], args.as_json, "\n".join(
            f"{r.url}: {r.seconds:.1f} s in {len(r.files)} files, {r.breaks} breaks; {r.ended}" for r in recorded))
    failed = [outcome for _, outcome in ended if isinstance(outcome, RunError)]
    if failed:
        kind = Transient if any(isinstance(f, Transient) for f in failed) else Terminal
        raise kind(f"{len(failed)} of {len(ended)} streams were not recorded")
    return 0

