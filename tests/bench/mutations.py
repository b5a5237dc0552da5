"""Broken files by the thousand through the decode pass: how each ends, and which are left over to be looked at.

    python tests/bench/mutations.py [--count 2000] [--seed 7] [--media FOLDER] [--keep FOLDER]

Every file must end as a measured medium or with a reason of the vocabulary; a crash, a time-out and numbers that cannot be are ours
to mend, and `--keep` stores those files.
"""

import argparse
import resource
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from jobs.media import sandbox
from tests.jobs.clean.test_measures_hostile import MEDIA, mutated, outcome, sources

OURS = ("decode_crash", "decode_timeout", "decode_memory", "malformed_row")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--media", type=Path, default=MEDIA, help="more files to break: everything below 400 kB in it")
    parser.add_argument("--keep", type=Path, help="where files that crashed, hung or took too much memory are stored")
    options = parser.parse_args()
    made = sources()
    for path in sorted(options.media.rglob("*")):
        if path.is_file() and 0 < path.stat().st_size < 400_000 and path.suffix not in (".csv", ".md", ".jsonl"):
            made[path.name] = path.read_bytes()
    random, names = np.random.default_rng(options.seed), sorted(made)
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.count):
            name = names[number % len(names)]
            suffix = Path(names[int(random.integers(len(names)))] if random.random() < 0.1 else name).suffix
            path = Path(folder) / f"m{number}{suffix}"
            path.write_bytes(mutated(made[name], list(made.values()), random))
            try:
                ended = outcome(path)
            except AssertionError as error:
                ended = "malformed_row"
                print(error)
            seen[ended] += 1
            if ended in OURS:
                print(f"{number} {name}: {ended}", flush=True)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{ended}-{options.seed}-{number}-{name}").write_bytes(path.read_bytes())
            path.unlink()
    sandbox.close()
    usage = sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{len(made)} files, {options.count} mutations, seed {options.seed}, {usage:.0f} CPU s")
    for ended, count in seen.most_common():
        print(f"{count:6} {ended}")
    print("accounted for:", sum(seen.values()) == options.count, "ours:", sum(seen[reason] for reason in OURS))


if __name__ == "__main__":
    main()
