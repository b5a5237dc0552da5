"""What `reelmill explain` costs over many clips: CPU seconds and peak memory of a process of its own, for a loser, a keeper, a clip without
duplicates and one that is not there.

    python tests/bench/dedup_explain.py [CLIPS]

A lake of so many clips, a thousand a row group (as with frames stored), a third of them losers, with a text of 300 characters each; ids are drawn,
as hashes are, so clips lie in no order.
"""

import json
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.lake import Lake
from schemas import CLIPS, DUPLICATES, REJECTS, SOURCES

GROUP, FILE = 1000, 100_000


def lake_of(n: int) -> tuple[str, dict[str, str]]:
    """A lake, and the id of a clip of each kind."""
    lake = Lake(tempfile.mkdtemp(prefix="reelmill-bench-"))
    lake.open(create=True)
    ids = np.random.default_rng(1).integers(0, 2**63, (n, 2))
    names = pa.array([f"{a:016x}{b:016x}" for a, b in ids.tolist()])
    text = "".join(chr(97 + i % 26) for i in range(300))

    def put(table: object, version: str, given: pa.Table, parents: dict[str, str], group: int) -> None:
        files = [lake.write_groups(table, version, f"{at:09d}.parquet", (filled(table, given.slice(i, min(group, given.num_rows - i)))
                                                                         for i in range(at, min(at + FILE, given.num_rows), group)))
                 for at in range(0, given.num_rows, FILE)]
        lake.write_json({"rows": given.num_rows, "files": files, "parents": parents}, table.name, version, "manifest.json")

    put(SOURCES, "s", pa.table({"source_id": names, "uri": names}), {}, GROUP)
    put(CLIPS, "c", pa.table({"clip_id": names, "source_id": names, "text": pa.array([text] * n)}), {"sources@collect": "s"}, GROUP)
    third = n // 3
    loser, keeper = names.slice(0, third), names.slice(third, third)
    order = pc.sort_indices(loser)
    loser, keeper = loser.take(order), keeper.take(order)
    least = pc.min_element_wise(loser, keeper)
    put(DUPLICATES, "d", pa.table({"loser_id": loser, "keeper_id": keeper, "cluster_id": least}), {"clips@measure": "c"}, 50 * GROUP)
    put(REJECTS, "d", pa.table({"sample_id": loser, "stage": pa.array(["dedup"] * third)}), {}, 50 * GROUP)
    for job, version in (("measure", "c"), ("dedup", "d")):
        lake.write_json({"fingerprint": version}, "_current", f"{job}.json")
    return lake.root, {"a loser": loser[0].as_py(), "a keeper": keeper[third // 2].as_py(), "a clip without duplicates": names[n - 1].as_py(),
                       "one that is not there": "7" * 32}


def filled(table: object, given: pa.Table) -> pa.Table:
    """With a value in every column that must have one."""
    blank = {"string": "", "double": 0.0, "bool": False}
    columns = [given[f.name].cast(f.type) if f.name in given.schema.names else
               pa.nulls(given.num_rows, f.type) if f.nullable else pa.repeat(pa.scalar(blank.get(str(f.type), 0), f.type), given.num_rows)
               for f in table.schema]
    return pa.table(columns, schema=table.schema)


def ask(root: str, clip: str) -> None:
    from jobs.dedup.explain import explain
    from jobs.errors import Terminal

    start = time.process_time()
    try:
        told = explain(Lake(root), clip).verdict
    except Terminal as error:
        told = str(error)
    spent = time.process_time() - start
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps([spent, peak / 1024, told]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        ask(*sys.argv[2:])
    else:
        n = int((sys.argv[1:] or ["3000000"])[0])
        root, asked = lake_of(n)
        size = sum(Lake(root).fs.du(root, total=False).values())
        print(f"{n:,} clips, {size / 2**30:.2f} GB")
        for what, clip in asked.items():
            done = subprocess.run([sys.executable, __file__, "ask", root, clip], capture_output=True, text=True, check=True)
            spent, peak, told = json.loads(done.stdout)
            print(f"{what}: {spent:.1f} CPU s, peak {peak:.0f} MB RSS: {told[:90]}", flush=True)
