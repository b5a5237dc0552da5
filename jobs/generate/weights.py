"""Where a model's weights are, what names their version, and whether they are safe to load.

Only safetensors are read. A folder with pickled checkpoints or with Python files is refused, so that loading never runs code
that came with a model.
"""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.errors import Terminal
from jobs.generate.profile import EMBEDDED
from jobs.label.weights import refuse_code
from schemas.settings import Generate, Settings

LIBRARIES = frozenset({"diffusers", "transformers"})
_END_BYTES = 1 << 20


def folder_of(settings: Generate) -> Path:
    """The folder of a model: the embedded one, a path, or the cached or freshly fetched snapshot of a hub id.

    Raises:
        Terminal: it is not here and cannot be fetched.
    """
    model = settings.model
    if model == "embedded":
        if not (EMBEDDED / "model_index.json").is_file():
            raise Terminal("generate.model = 'embedded': this installation has no embedded text-to-video model; `reelmill "
                           "train` makes it, or set generate.model to the path of a diffusers pipeline")
        return EMBEDDED
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or model.startswith(("./", "../", "~")) or model.count("/") != 1:
        raise Terminal(f"generate.model = {model!r}: there is no such folder; give the folder that holds model_index.json")
    return _fetched(model, settings.revision)


def _fetched(model: str, revision: str) -> Path:
    from diffusers import DiffusionPipeline

    try:
        return Path(DiffusionPipeline.download(model, revision=revision or None, use_safetensors=True, trust_remote_code=False))
    except Exception as error:
        raise Terminal(f"generate.model = {model!r}: it is neither a folder nor in the local model cache, and the hub did not "
                       f"give it ({type(error).__name__}). Offline: fetch it where there is a network with `hf download "
                       f"{model} --local-dir DIR`, copy DIR here and set generate.model=DIR") from None


def checked(folder: Path) -> dict[str, Any]:
    """The pipeline's index, if nothing in the folder could run code when it is loaded.

    Raises:
        Terminal: a pickled checkpoint, a Python file, a part that asks for code or comes from another library, or no readable index.
    """
    refuse_code(folder, "**/*config.json")
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        name = index["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Terminal(f"{folder}: no readable model_index.json ({type(error).__name__}); give a diffusers pipeline") from None
    if not isinstance(name, str):
        raise Terminal(f"{folder}: the pipeline {name!r} is custom code, which is never run")
    for part, value in index.items():
        if not part.startswith("_") and isinstance(value, list) and value and not _known(value[0]):
            raise Terminal(f"{folder}: its part {part!r} comes from {value[0]!r}, not from diffusers or transformers")
    return dict(index)


def _known(library: Any) -> bool:
    """Whether a part comes from these libraries: pipelines of diffusers name the folder of diffusers that their own parts are in."""
    return library is None or library in LIBRARIES or (isinstance(library, str) and library.isidentifier() and find_spec(f"diffusers.pipelines.{library}") is not None)


def revision(folder: Path) -> str:
    """What names the weights: the commit of a hub snapshot, else 12 hex digits over settings and both ends of all weights."""
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.suffix not in {".json", ".safetensors", ".model", ".txt"}:
            continue
        size = file.stat().st_size
        digest.update(f"{file.relative_to(folder).as_posix()}\x1f{size}\x1f".encode())
        with file.open("rb") as data:
            digest.update(data.read(_END_BYTES))
            if size > _END_BYTES:
                data.seek(max(_END_BYTES, size - _END_BYTES))
                digest.update(data.read())
    return digest.hexdigest()[:12]


def identity(settings: Generate) -> str:
    """What names the weights before anything is fetched: for the fingerprint of the job."""
    models = [(settings.model, settings.revision), (settings.picture_model, "")]
    return "+".join(_identity(model, wanted) for model, wanted in models if model)


def _identity(model: str, wanted: str) -> str:
    path = EMBEDDED if model == "embedded" else Path(model).expanduser()
    return revision(path) if path.is_dir() else f"{model}@{wanted or 'main'}"


def similarity_model(settings: Settings) -> str:
    """Name and revision of the model that similarity is measured with: it bears on the scores."""
    from jobs.label.labeler import Absent
    from jobs.label.weights import find

    try:
        found = find(settings.recipe.label.clip_model, settings.recipe.label.clip_pretrained)
    except Absent:
        return "none"
    return f"{found.name}@{found.revision}"
