"""Where tables live: `<lake>/<table>/<fingerprint>/` with Parquet parts and a manifest that is written last.

A version without a manifest does not exist for a reader. Parts are written in place under their final name (whole or not
at all), so a local folder and an object store behave alike. `_current/<job>.json` names the version a job made last, and
`_runs/<run>/<job>.json` the one that it made last in a run of Airflow: runs that take turns read each their own.
"""

import contextlib
import json
import os
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any, Self, TypeVar

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from jobs import lock
from jobs.errors import Terminal, Transient
from schemas import SCHEMA_VERSION, Table

T = TypeVar("T")
MANIFEST, CURRENT, RUNS = "manifest.json", "_current", "_runs"
ROW_GROUP_BYTES = 32 << 20
MEDIA_COLUMNS = frozenset({"video", "image", "audio", "thumbnail", "frames", "jpeg"})
"""Columns of bytes that are compressed already."""
RUN_ENV = ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID")
"""What Airflow tells a command of the run that it belongs to."""
RUN_LASTS = timedelta(days=30)
"""From the last thing that a run of Airflow noted to when it is over whatever happened: tasks of ours are given twelve hours a try."""
AT_ONCE = 32
"""Files of an object store that are asked for at a time: each answer is some tens of milliseconds away."""


@dataclass(frozen=True)
class Slice:
    """Some row groups of one part: what one task reads."""

    root: str
    path: str
    groups: tuple[int, ...]
    rows: int

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows, media bytes included only if asked for; a column that came into the contract after the part was written is null."""
        with Lake(self.root).parquet(self.path) as file:
            found = file.read_row_groups(list(self.groups), columns=list(columns) if columns else None)
        for name in columns or ():
            if name not in found.schema.names:
                found = found.append_column(name, pa.nulls(found.num_rows))
        return found


@dataclass(frozen=True)
class Version:
    """A version of a table that stands."""

    lake: "Lake"
    table: Table
    fingerprint: str
    manifest: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Folder or URL of the version."""
        return self.lake.url(self.table.name, self.fingerprint)

    @property
    def rows(self) -> int:
        """Rows as the manifest counts them."""
        return int(self.manifest["rows"])

    def files(self) -> list[str]:
        """Paths of the parts in order, for `lake.fs`."""
        return [self.lake.path(self.table.name, self.fingerprint, f["path"]) for f in self.manifest["files"]]

    def whole(self) -> bool:
        """Whether all of its parts are there: `takedown --erase` removes shards of earlier releases."""
        return not self.gone()

    def gone(self) -> list[str]:
        """Paths of the parts that are not there, or not with as many bytes as they were written with, by one listing."""
        self.lake.fs.invalidate_cache()
        there = {str(path): facts["size"] for path, facts in self.lake.fs.find(self.lake.path(self.table.name, self.fingerprint), detail=True).items()}
        return [path for path, file in zip(self.files(), self.manifest["files"], strict=True) if path not in there or there[path] != file.get("bytes", there[path])]

    def slices(self) -> list[Slice]:
        """The version cut by row group, in order."""
        def rows(file: Mapping[str, Any]) -> list[int]:
            if "groups" in file:
                return list(file["groups"])
            with self.lake.parquet(self.lake.path(self.table.name, self.fingerprint, file["path"])) as opened:  # written before manifests told
                return _group_rows(opened.metadata)

        told = self.lake.spread(rows, self.manifest["files"])
        return [Slice(self.lake.root, path, (g,), count) for path, groups in zip(self.files(), told, strict=True) for g, count in enumerate(groups)]

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole table in memory; leave media columns out of it."""
        parts = self.each(lambda part: part, columns)
        return pa.concat_tables(parts) if parts else self._schema(columns).empty_table()

    def each(self, work: Callable[[pa.Table], T], columns: Sequence[str] | None = None) -> list[T]:
        """What `work` makes of every part, in order: a plan need not hold what it reads."""
        schema = self._schema(columns)

        def one(path: str) -> T:
            with self.lake.parquet(path) as file:
                return work(with_nulls(file.read(columns=schema.names), schema))

        return self.lake.spread(one, self.files())

    def _schema(self, columns: Sequence[str] | None) -> pa.Schema:
        return pa.schema([self.table.schema.field(n) for n in columns or self.table.schema.names])


def _now() -> list[tuple[str, ...]]:
    """Folders that say what is current, strongest first."""
    run = [os.environ.get(name) for name in RUN_ENV]
    own = [(RUNS, sha256(json.dumps(run).encode()).hexdigest()[:16])] if all(run) else []
    return [*own, (CURRENT,)]


def _group_rows(facts: pq.FileMetaData) -> list[int]:
    return [facts.row_group(g).num_rows for g in range(facts.num_row_groups)]


def with_nulls(found: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`; one that came into the contract after the part was written is null."""
    for i, column in enumerate(schema):
        if column.nullable and column.name not in found.schema.names:
            found = found.add_column(i, column, pa.nulls(found.num_rows, column.type))
    return found.cast(schema)


@dataclass(frozen=True)
class Lake:
    """A lake root: a folder or any fsspec URL."""

    root: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        options = dict(self.options)
        if self.root.startswith("s3://") and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
            options.setdefault("endpoint_url", endpoint)
        try:
            fs, base = fsspec.core.url_to_fs(self.root, **options)
        except (ValueError, ImportError) as error:  # an unknown protocol, or one whose package is not installed
            raise Terminal(f"{self.root}: {error}; give a folder or a URL that fsspec knows") from None
        if ("file" in fs.protocol or "local" in fs.protocol) and os.path.exists(base) and not os.path.isdir(base):
            raise Terminal(f"{self.root}: a file, and a lake is a folder; give --lake another name")
        return fs, base.rstrip("/")

    @property
    def fs(self) -> Any:
        """The fsspec filesystem."""
        return self._opened[0]

    @property
    def local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "file" in self.fs.protocol or "local" in self.fs.protocol

    def path(self, *parts: str) -> str:
        """A path for `fs`."""
        return "/".join((self._opened[1], *parts))

    def url(self, *parts: str) -> str:
        """A path for people and other programs: absolute, with its protocol where it has one."""
        path = self.path(*parts)
        return path if self.local else str(self.fs.unstrip_protocol(path))

    def spread(self, work: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        """`work` on every item, in order; many at a time where each waits for an object store."""
        if self.local:
            return [work(item) for item in items]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(work, items))

    # ---- state of the lake

    def open(self, *, create: bool) -> Self:
        """Check that this is a lake of this schema version, or make it one.

        Raises:
            Terminal: no lake here, or a lake of another schema version.
        """
        facts = self.read_json("lake.json")
        if facts is None:
            if not create:
                raise Terminal(f"{self.root}: no lake here; `reelmill build SOURCE… --lake {shlex.quote(self.root)}` makes one")
            self.write_json({"schema_version": SCHEMA_VERSION}, "lake.json")
        elif facts.get("schema_version") != SCHEMA_VERSION:
            raise Terminal(f"{self.root}: the lake has schema version {facts.get('schema_version')}, this program reads "
                           f"{SCHEMA_VERSION}; build into a new folder or use the matching release of reelmill")
        return self

    def read_json(self, *parts: str) -> dict[str, Any] | None:
        """A small JSON object, or None where there is none.

        Raises:
            Terminal: it is damaged, or the object store wants keys.
            Transient: the object store cannot be reached.
        """
        with self.reached(*parts):
            try:
                data = self.fs.cat_file(self.path(*parts))
            except (FileNotFoundError, NotADirectoryError):
                return None
        try:
            return dict(json.loads(data))
        except (ValueError, TypeError) as error:
            raise Terminal(f"{self.url(*parts)} is damaged ({error}); remove it and run again") from None

    @contextlib.contextmanager
    def reached(self, *parts: str) -> Iterator[None]:
        """What goes wrong on the way to an object store, whose libraries have errors of their own, as one of ours."""
        try:
            yield
        except FileExistsError:
            raise
        except Exception as error:
            if self.local:
                raise
            again = not isinstance(error, PermissionError | FileNotFoundError) and "credential" not in str(error).lower()
            raise (Transient if again else Terminal)(
                f"{self.url(*parts)}: cannot be reached ({type(error).__name__}: {error}); check the address, AWS_ENDPOINT_URL and the keys in the "
                "environment") from error

    def write_json(self, facts: Mapping[str, Any], *parts: str) -> None:
        """A small JSON object, whole or not at all."""
        self.put(json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False).encode(), *parts)

    def put(self, data: bytes | memoryview, *parts: str) -> None:
        """Bytes under a name, whole or not at all."""
        path = self.path(*parts)
        if not self.local:
            with self.reached(*parts):
                self.fs.pipe_file(path, bytes(data))  # object stores take nothing else
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        passing = f"{path}.{os.getpid()}.tmp"
        try:
            with open(passing, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(passing, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(passing)
            raise

    def copy(self, path: str, *parts: str) -> None:
        """A file of the lake under another name as well, none of whose bytes pass through here: the store copies it, a folder links it."""
        target = self.path(*parts)
        if path == target:
            return
        if not self.local:
            with self.reached(*parts):
                self.fs.cp_file(path, target)
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        try:
            os.link(path, target)
        except OSError:  # this disk knows no links, which each says in its own way; what else is wrong copying will tell
            self.put(self.fs.cat_file(path), *parts)

    def version(self, table: Table, fingerprint: str) -> Version | None:
        """A version, if it stands."""
        manifest = self.read_json(table.name, fingerprint, MANIFEST)
        return None if manifest is None else Version(self, table, fingerprint, manifest)

    def current(self, job: str) -> str | None:
        """Fingerprint of the version that a job made or confirmed last: in the run of Airflow that this command belongs to, else at all."""
        told = (self.read_json(*folder, f"{job}.json") for folder in _now())
        return next((str(facts["fingerprint"]) for facts in told if facts and "fingerprint" in facts), None)

    def decided(self, job: str) -> str | None:
        """Likewise, but None where this run has made and confirmed none itself, whatever others have."""
        told = self.read_json(*_now()[0], f"{job}.json")
        return None if told is None else str(told["fingerprint"])

    def make_current(self, job: str, fingerprint: str) -> None:
        """Have `current` name this version, in this run and to all who have none of their own."""
        folders = _now()
        if len(folders) > 1 and not self.names(*folders[0]):
            self._forget_runs()
        for folder in folders:
            if (self.read_json(*folder, f"{job}.json") or {}).get("fingerprint") != fingerprint:
                self.write_json({"fingerprint": fingerprint}, *folder, f"{job}.json")

    def disown(self, job: str) -> None:
        """Have every run go by what is current at all: what it made by this job may be read no more."""
        for run in self.names(RUNS):
            self.remove(RUNS, run, f"{job}.json")

    def _forget_runs(self) -> None:
        """Remove what runs noted that cannot be under way any more. One that has generated and not published may wait for a person's word, for as
        long as that takes."""
        self.fs.invalidate_cache()
        before, notes = datetime.now(UTC) - RUN_LASTS, defaultdict[str, dict[str, str]](dict)
        for path in self.fs.find(self.path(RUNS)):
            run, name = path.split("/")[-2:]
            notes[run][name] = path
        for run, paths in notes.items():
            waits = "generate.json" in paths and "publish.json" not in paths
            if not waits and all(self.fs.modified(path) < before for path in paths.values()):
                self.remove(RUNS, run)

    def names(self, *parts: str) -> list[str]:
        """Names below a folder of the lake, none if it does not exist; those that begin with a dot are none of ours."""
        self.fs.invalidate_cache()
        with contextlib.suppress(FileNotFoundError):
            found = [str(p).rstrip("/").rsplit("/", 1)[1] for p in self.fs.ls(self.path(*parts), detail=False)]
            return sorted(name for name in found if not name.startswith("."))
        return []

    def remove(self, *parts: str) -> None:
        """Remove a file or folder of the lake."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self.fs.rm(self.path(*parts), recursive=True)
        self.fs.invalidate_cache()

    # ---- parts

    @contextlib.contextmanager
    def parquet(self, path: str) -> Iterator[pq.ParquetFile]:
        """A Parquet file of the lake; in a folder of this machine Arrow opens it itself.

        Its threads then hold no file object of Python's. One that still has to drop such an object when the interpreter ends aborts the
        process after its last word (apache/arrow issue 34314); of object stores that risk remains.

        Raises:
            Terminal: it is not there, or damaged.
        """
        try:
            if self.local:
                with pq.ParquetFile(path) as file:
                    yield file
            else:
                with self.fs.open(path) as opened:
                    yield pq.ParquetFile(opened)
        except FileNotFoundError:
            raise Terminal(f"{path}: this part of a table is gone; `reelmill build` makes it again, or restore it") from None
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise Terminal(f"{path}: this part of a table is damaged ({str(error).splitlines()[0][:160]}); remove it, and `reelmill build` makes it again") from None

    def write_part(self, table: Table, fingerprint: str, name: str, data: pa.Table, group_bytes: int = ROW_GROUP_BYTES) -> dict[str, Any]:
        """Conform, write as deterministic Parquet, and return the facts of the file."""
        data = table.conform(data)
        rows = max(1, int(group_bytes / max(1.0, data.nbytes / max(1, data.num_rows))))
        return self.write_groups(table, fingerprint, name, (data.slice(i, rows) for i in range(0, data.num_rows, rows)))

    def write_groups(self, table: Table, fingerprint: str, name: str, groups: Iterable[pa.Table]) -> dict[str, Any]:
        """Likewise, of conforming tables that become a row group each."""
        sink, written = pa.BufferOutputStream(), list[pq.FileMetaData]()
        plain = [f.name for f in table.schema if f.name in MEDIA_COLUMNS]
        leaves = {f.name: "NONE" if f.name in plain else "ZSTD" for f in table.schema}
        with pq.ParquetWriter(sink, table.schema, compression=leaves if plain else "zstd",
                              use_dictionary=[n for n in table.schema.names if n not in plain],
                              write_page_index=True, metadata_collector=written) as writer:
            for group in groups:
                writer.write_table(group, row_group_size=max(1, group.num_rows))
        buffer, (facts,) = sink.getvalue(), written
        self.put(memoryview(buffer), table.name, fingerprint, name)
        return {"path": name, "rows": facts.num_rows, "groups": _group_rows(facts), "bytes": buffer.size, "sha256": sha256(buffer).hexdigest()}

    # ---- one writer at a time

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Hold the lake for one writer; commands started by the holder share it through the environment.

        Raises:
            Transient: another live process holds it.
        """
        return lock.held(self, what)
