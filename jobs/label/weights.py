"""Where the weights of an open_clip model lie and which revision they are, found without loading them or any library of models.

Only safetensors are read. A folder with a pickle or with code in it is refused, whatever lies beside.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jobs.errors import Terminal
from jobs.label.labeler import Absent, Model
from jobs.version import digest

EMBEDDED = Path(__file__).parents[1] / "train" / "embedded" / "clip"
CONFIG = "open_clip_config.json"
TRANSFORMERS = "transformers:"
"""Prefix of `Weights.architecture` of a folder as transformers writes it."""
DUAL_ENCODERS = ("clip", "siglip", "siglip2", "chinese_clip")
"""`model_type` of transformers folders that embed pictures and texts."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
PROGRAMS = (".py", ".pyc", ".so")
PREFERRED = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
"""Files that open_clip takes from a folder before any other."""
LEAST_WORDS = 2
"""Of a tokenizer besides its special tokens; that of T5 without its files has the blank alone."""
BESIDE, CARD = ("*.json", "*.txt", "*.model"), "card.json"
"""Files of a folder that bear on what its weights make of pictures and texts, and the one of them that says how good they are, and whether they know the
sample world alone."""
HUB_FILES = (*BESIDE, "open_clip_model.safetensors")


@dataclass(frozen=True)
class Weights:
    """An open_clip model on this machine.

    Attributes:
        name: As given in Settings.
        architecture: What open_clip is asked for: `local-dir:...` or a model name; `transformers:...` for a folder of that kind.
        file: The safetensors file, or that folder.
        revision: First 12 hex digits of sha256 over the weights, with a folder's settings and tokenizer, or of the hub's commit.
    """

    name: str
    architecture: str
    file: str
    revision: str

    @property
    def of_sample_world(self) -> bool:
        """See the function of this name."""
        return of_sample_world(self.name)

    @property
    def model(self) -> Model:
        """For `labels.model` and `labels.revision`."""
        return Model(self.name, self.revision)


def of_sample_world(name: str) -> bool:
    """Whether a model named as in Settings is one that `reelmill train clip` made, the embedded one or another: it knows the sample world and
    nothing else."""
    if not name.startswith("local-dir:"):
        return name == "embedded"
    try:
        card = json.loads((Path(name.removeprefix("local-dir:")) / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and card.get("kind") == "clip"


def find(name: str, pretrained: str = "") -> Weights:
    """The weights of a model named as in Settings: `embedded`, `local-dir:/folder`, `hf-hub:owner/name`, or an open_clip
    architecture with the path of a safetensors checkpoint or a tag.

    Raises:
        Absent: the embedded model is not installed.
        Terminal: refused, incomplete or out of reach; says what to do.
    """
    if name == "embedded":
        if not (EMBEDDED / CONFIG).exists():
            raise Absent("the embedded CLIP is not in this installation; `reelmill train clip` makes it, or set label.clip_model")
        return _folder(name, EMBEDDED)
    if name.startswith("local-dir:"):
        return _folder(name, Path(name.removeprefix("local-dir:")))
    if name.startswith("hf-hub:"):
        return _hub(name, name.removeprefix("hf-hub:"))
    if os.sep in name and Path(name).is_dir():
        raise Terminal(f"label.clip_model={name!r} is a folder; write local-dir:{name}")
    if not pretrained:
        raise Terminal(
            f"label.clip_model={name!r} names an architecture without weights; set label.clip_pretrained to the path "
            "of a .safetensors checkpoint or to an open_clip tag, or use local-dir:/folder"
        )
    if os.sep in pretrained or Path(pretrained).suffix in (".safetensors", *PICKLES):
        return _checkpoint(name, Path(pretrained))
    return _tag(name, pretrained)


def _folder(name: str, folder: Path) -> Weights:
    if not folder.is_dir():
        raise Terminal(f"{folder}: no such folder (label.clip_model)")
    if not (folder / CONFIG).is_file() and _kind(folder) in DUAL_ENCODERS:
        revision = folder_revision(str(folder), "label.clip_model")
        return Weights(name, f"{TRANSFORMERS}{folder.resolve()}", str(folder), revision)
    if not (folder / CONFIG).is_file():
        raise Terminal(
            f"{folder}: no open_clip model here ({CONFIG} is missing); a folder needs {CONFIG}, open_clip_model.safetensors and the "
            f"tokenizer's files, or is one of transformers with a model_type of {', '.join(DUAL_ENCODERS)}"
        )
    refuse_code(folder)
    found = sorted(f for f in folder.glob("*.safetensors") if f.is_file())
    weights = next((f for name in PREFERRED for f in found if f.name == name), found[0] if len(found) == 1 else None)
    if weights is None:
        raise Terminal(f"{folder}: open_clip_model.safetensors is missing")
    revision, known = revision_of(folder, [weights]), name != "embedded" and of_sample_world(name)
    return Weights(name, f"local-dir:{folder.resolve()}", str(weights), digest([revision, CARD])[:12] if known else revision)


def _kind(folder: Path) -> str | None:
    """The `model_type` of a transformers folder."""
    try:
        facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(facts.get("model_type")) if isinstance(facts, dict) else None


def _checkpoint(name: str, file: Path) -> Weights:
    if file.suffix.lower() in PICKLES:
        raise Terminal(f"{file}: a pickle can run any code when it is loaded and is refused; convert it to safetensors first")
    if not file.is_file():
        raise Terminal(f"{file}: no such checkpoint (label.clip_pretrained)")
    if file.suffix != ".safetensors":
        raise Terminal(f"{file}: open_clip would read it as a pickle or an archive, which is refused; convert it to a file that ends in .safetensors")
    own, revision = preprocessing(name), sha256_12(file)
    return Weights(f"{name}/{file.name}", name, str(file), digest([revision, own])[:12] if own else revision)


def preprocessing(architecture: str) -> dict[str, Any]:
    """How pictures are made ready for an architecture, in the words of `open_clip.create_model_and_transforms`; empty where it is as for OpenAI's CLIP.

    A bare checkpoint does not say, so it is taken as most published weights of its architecture have it: SigLIP halves and squashes. Where these differ
    (of ViT-L-14 one of twelve) a `local-dir:` folder says its own.
    """
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model
    from open_clip.transform import PreprocessCfg

    architecture = architecture.replace("/", "-")
    names = ("mean", "std", "interpolation", "resize_mode")
    told = Counter(tuple(get_pretrained_cfg(architecture, tag)[name] for name in names) for tag in list_pretrained_tags_by_model(architecture))
    usual = PreprocessCfg()
    most = told.most_common(1)[0][0] if told else tuple(getattr(usual, name) for name in names)
    return {f"image_{name}": value for name, value in zip(names, most, strict=True) if value != getattr(usual, name)}


def _tag(name: str, tag: str) -> Weights:
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    facts = get_pretrained_cfg(name, tag)
    if not facts:
        tags = ", ".join(list_pretrained_tags_by_model(name)[:8]) or "none"
        raise Terminal(f"open_clip knows no weights {tag!r} for {name!r} (it knows: {tags})")
    if not facts.get("hf_hub"):
        raise Terminal(
            f"{name}/{tag} is only published as a pickle, which is refused; choose a tag that is on the Hugging Face hub as safetensors"
        )
    return _hub(f"{name}/{tag}", facts["hf_hub"].strip("/"))


def _hub(name: str, repo: str) -> Weights:
    """A hub model's files in the local cache, fetched if need be."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        folder = Path(snapshot_download(repo, allow_patterns=list(HUB_FILES)))
        if not (folder / CONFIG).is_file() and _kind(folder) in DUAL_ENCODERS:
            folder = Path(snapshot_download(repo, allow_patterns=[*HUB_FILES, "model.safetensors"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError, ValueError) as error:
        raise Terminal(
            f"model {name!r} is neither in the local cache nor within reach ({type(error).__name__}); offline, download the folder "
            f"elsewhere (`hf download {repo} --exclude '*.bin' --local-dir clip`), copy it here and set label.clip_model=local-dir:/path/of/clip, "
            "or use label.clip_model=embedded"
        ) from None
    found = _folder(name, folder)
    return Weights(name, found.architecture, found.file, folder.name[:12])


def folder_revision(name: str, setting: str) -> str:
    """Revision of a transformers folder.

    Raises:
        Terminal: no such folder, no safetensors, a pickle, or code of its own.
    """
    folder = Path(name)
    if not folder.is_dir():
        raise Terminal(f"{folder}: no such folder ({setting})")
    if not (folder / "config.json").is_file():
        raise Terminal(f"{folder}: no transformers model here ({setting}); give a folder with config.json and safetensors")
    refuse_code(folder)
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise Terminal(f"{folder}: holds no .safetensors ({setting})")
    return revision_of(folder, found)


def revision_of(folder: Path, weights: Sequence[Path]) -> str:
    """Of the weights and of what stands beside them: another tokenizer, size of picture or name of a class gives other labels."""
    beside = sorted(f for pattern in BESIDE for f in folder.glob(pattern) if f.is_file() and f.name != CARD)
    return digest([[f.name, sha256_12(f)] for f in (*weights, *beside)])[:12]


def from_folder(loader: Any, folder: str, **options: Any) -> Any:
    """What a transformers class loads from a folder on this machine: safetensors alone, no code of its own, no weight left to chance.

    Raises:
        Terminal: transformers cannot load it, or weights or the words of its tokenizer are missing.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # a bar per model and worker says nothing about the run
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    weighs = hasattr(loader, "_model_mapping") or hasattr(loader, "base_model_prefix")
    try:
        made = loader.from_pretrained(
            folder, **safe, **options, **({"use_safetensors": True, "output_loading_info": True} if weighs else {})
        )
    except Exception as error:  # transformers raises whatever its parts raise; the user needs the folder and the cause
        raise Terminal(f"{folder}: transformers cannot load it ({loader.__name__}): {str(error)[:300]}") from None
    if not weighs:
        refuse_mute(getattr(made, "tokenizer", made), folder)
        return made
    network, facts = made
    if missing := sorted({*facts["missing_keys"], *(str(key) for key in facts.get("mismatched_keys", ()))}):
        raise Terminal(f"{folder}: {len(missing)} weights are missing, {missing[0]} for one; they would be random numbers")
    return network


def refuse_mute(tokenizer: Any, where: Path | str) -> None:
    """Refuse a tokenizer of transformers that knows no words, as transformers makes one where its files are missing: all texts would be the same
    to the model. Of what is no such tokenizer nothing is said.

    Raises:
        Terminal: names the place of the model.
    """
    special = getattr(tokenizer, "all_special_tokens", None)
    if special is not None and len(tokenizer) - len(special) < LEAST_WORDS:
        raise Terminal(f"{where}: its tokenizer knows no words, so that all texts would be the same; tokenizer.json, or vocab.json and its like, is missing: fetch the folder again")


def refuse_code(folder: Path, files: str = "*.json") -> None:
    """Refuse a model folder in which something could run code when it is loaded.

    Args:
        folder: Searched to its depth for pickles, programs and libraries.
        files: JSON files that may ask for code of their own (`trust_remote_code`, `auto_map`); by default those at its top.

    Raises:
        Terminal: names the first file of them.
    """
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in PICKLES:
            raise Terminal(f"{file}: a pickled checkpoint can run any code when it is loaded and is refused; convert it to safetensors, or delete it if that was done")
        if file.suffix.lower() in PROGRAMS:
            raise Terminal(f"{file}: code that comes with a model is never run; use a model that plain open_clip, transformers or diffusers can load, or delete the file")
    for file in sorted(folder.glob(files)):
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Terminal(f"{file}: cannot be read as JSON ({error})") from None
        if word := _asks_for_code(facts):
            raise Terminal(
                f"{file}: asks for code of its own ({word}), which is refused; use a folder that plain open_clip, transformers or diffusers can load"
            )


def _asks_for_code(facts: Any) -> str | None:
    if isinstance(facts, dict):
        for key, value in facts.items():
            if key in ("trust_remote_code", "auto_map") and value:
                return str(key)
            if found := _asks_for_code(value):
                return found
    if isinstance(facts, list):
        return next((word for item in facts if isinstance(item, dict | list) and (word := _asks_for_code(item))), None)
    return None


def sha256_12(file: Path) -> str:
    """First 12 hex digits of sha256 over a file, remembered by size and time of change."""
    facts = file.stat()
    return _sha256_12(str(file.resolve()), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256_12(path: str, size: int, mtime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
