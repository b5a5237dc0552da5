"""Any diffusers pipeline that makes a video, or a picture, from text; or a video from a picture that another makes from text.

The request is what the family's profile and the settings ask for, cut down to what the pipeline's own signature takes. On CUDA
out of memory it climbs down: smaller batches, then parts of the model on the CPU, then a smaller picture; what was given up is
recorded with every clip and stays given up in this worker.
"""

import inspect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jobs.errors import Terminal
from jobs.generate import weights
from jobs.generate.generator import Ask, Failed, Frames, Made
from jobs.generate.profile import Profile, asked, frame_count, of_folder, size
from jobs.label.weights import from_folder, refuse_mute
from schemas.settings import Generate

SHRINK, MIN_SIDE_PX = 0.75, 256
"""Each step down in resolution, and where that ends."""


@dataclass
class TextToVideo:
    """A loaded pipeline."""

    pipe: Any
    settings: Generate
    profile: Profile
    revision: str
    family: str
    device: str
    batch: int
    pictures: "TextToVideo | None" = None
    """Makes the first picture, where the pipeline wants one."""
    offloaded: bool = False
    scale: float = 1.0
    _takes: frozenset[str] = frozenset()
    _seconds: float = 0.0
    _peak: int = 0
    _loaded_s: float = field(default=0.0)

    def __post_init__(self) -> None:
        self._takes = frozenset(inspect.signature(self.pipe.__call__).parameters)

    def make(self, asks: Sequence[Ask]) -> list[Made | Failed]:
        """See Generator: shots of one shape go together, as many as the batch allows; where all of a batch failed, each is asked for alone, since
        one prompt that the pipeline cannot take is the error of all."""
        made: dict[int, Made | Failed] = {}
        for aspect in sorted({a.aspect for a in asks}):
            todo = [i for i, a in enumerate(asks) if a.aspect == aspect]
            while todo:
                now = todo[:self.batch]
                results = self._call([asks[i] for i in now], aspect)
                if results is None:
                    continue
                if len(now) > 1 and all(isinstance(result, Failed) for result in results):
                    results = [result for i in now for result in self.make([asks[i]])]
                made |= dict(zip(now, results, strict=True))
                todo = todo[len(now):]
        return [made[i] for i in range(len(asks))]

    def spent(self) -> Mapping[str, float]:
        """See Generator."""
        spent = {"seconds": round(self._seconds, 3), "peak_bytes": self._peak, "load_seconds": round(self._loaded_s, 3)}
        self._seconds = self._loaded_s = 0.0
        if self.pictures is not None:
            before = self.pictures.spent()
            spent = {n: max(value, before[n]) if "peak" in n else value + before[n] for n, value in spent.items()}
        return spent

    def _call(self, asks: Sequence[Ask], aspect: str) -> list[Made | Failed] | None:
        """The results of one call of the pipeline, or None where memory ran out and less was asked for."""
        import torch

        width, height = self._size(aspect)
        image: Any = None
        if self.pictures is not None:
            (first,) = self.pictures.make(asks)
            if isinstance(first, Failed):
                return [first]
            image = _first_picture(first.frames, width, height)
        started = time.perf_counter()
        try:
            with torch.inference_mode():
                output = self.pipe(**self.request(asks, width, height, image))
        except (ValueError, RuntimeError, TypeError, IndexError, KeyError, AttributeError) as error:
            if not out_of_memory(error):
                return [Failed(f"{type(error).__name__}: {str(error)[:300]}") for _ in asks]
            torch.cuda.empty_cache()
            if not self._climb_down(aspect):
                raise Terminal(f"generate.model = {self.settings.model!r}: not enough GPU memory even for one clip of {width}x"
                               f"{height}; set generate.width, height and frames lower or use a smaller model") from error
            return None
        finally:
            self._seconds += time.perf_counter() - started
            self._peak = max(self._peak, _peak_bytes(self.device))
        return [self._made(pixels, width, height) for pixels in _clips(output, len(asks))]

    def request(self, asks: Sequence[Ask], width: int, height: int, image: Any = None) -> dict[str, Any]:
        """The call's arguments: what profile and settings ask for, as far as the pipeline takes it."""
        import torch

        generators = [torch.Generator("cpu").manual_seed(a.seed) for a in asks]
        frames = frame_count(self.profile)
        canonical: dict[str, Any] = {
            "prompt": [a.prompt for a in asks], "negative_prompt": [""] * len(asks), "width": width, "height": height,
            "num_frames": frames - self.profile.counts_up, "video_length": frames, "num_inference_steps": self.profile.steps, "generator": generators,
            "output_type": "np", **self.profile.extra,
        }
        if image is not None:
            canonical |= {"image": image, "prompt": asks[0].prompt, "negative_prompt": "", "generator": generators[0],
                          "fps": round(self.profile.fps)}
        if self.profile.guidance is not None:
            canonical["guidance_scale"] = self.profile.guidance
        if self.profile.max_sequence_length is not None:
            canonical["max_sequence_length"] = self.profile.max_sequence_length
        return {name: value for name, value in canonical.items() if name in self._takes}

    def _size(self, aspect: str) -> tuple[int, int]:
        width, height = size(self.profile, self.settings, aspect)
        if self.scale == 1.0:
            return width, height
        multiple = self.profile.size_multiple
        return (max(multiple, int(width * self.scale) // multiple * multiple),
                max(multiple, int(height * self.scale) // multiple * multiple))

    def _climb_down(self, aspect: str) -> bool:
        """Ask for less: a smaller batch, then offloading, then a smaller picture. False where nothing is left to give up."""
        if self.batch > 1:
            self.batch //= 2
        elif not self.offloaded and hasattr(self.pipe, "enable_model_cpu_offload"):
            for each in (self, self.pictures):
                if each is not None and not each.offloaded and hasattr(each.pipe, "enable_model_cpu_offload"):
                    each.pipe.enable_model_cpu_offload()
                    each.offloaded = True
        elif min(self._size(aspect)) * SHRINK >= MIN_SIDE_PX:
            self.scale *= SHRINK
        else:
            return False
        return True

    @property
    def ladder(self) -> str | None:
        """What was given up for memory."""
        given = [f"batch {self.batch}"] if self.batch < self.settings.batch else []
        given += ["offload"] if self.offloaded else []
        given += [f"resolution x{self.scale:.2f}"] if self.scale < 1 else []
        return ", ".join(given) or None

    def _made(self, pixels: Any, width: int, height: int) -> Made | Failed:
        try:
            frames = as_frames(pixels)
        except ValueError as error:
            return Failed(str(error))
        guidance = self.profile.guidance if "guidance_scale" in self._takes else None
        return Made(frames, self.profile.fps, self.profile.steps, guidance, self.ladder, width, height)


def out_of_memory(error: Exception) -> bool:
    """Whether CUDA ran out of memory: libraries below PyTorch say so in words only."""
    import torch

    said = str(error)
    return isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and (
        "CUDA out of memory" in said or "CUDA error: out of memory" in said or "_STATUS_ALLOC_FAILED" in said))


def as_frames(pixels: Any) -> Frames:
    """What a pipeline returned for one prompt as uint8 [T, H, W, 3]: a picture is a clip of one frame.

    Raises:
        ValueError: not a video: wrong axes, not finite, or smaller than 16 pixels.
    """
    if isinstance(pixels, str):
        raise ValueError(f"the model returned {pixels}")
    if isinstance(pixels, list | tuple):
        pixels = np.stack([np.asarray(p) for p in pixels]) if pixels else np.zeros(0)
    pixels = np.asarray(pixels)
    if pixels.ndim == 3:
        pixels = pixels[None]
    if pixels.ndim != 4 or pixels.shape[-1] != 3 or min(pixels.shape[1:3], default=0) < 16 or not len(pixels):
        raise ValueError(f"the model returned an array of shape {tuple(pixels.shape)}, not [frames, height, width, 3]")
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if not np.issubdtype(pixels.dtype, np.floating) or not np.isfinite(pixels).all():
        raise ValueError(f"the model returned {pixels.dtype} values that are not finite numbers in 0..1")
    if pixels.min() < -0.01 or pixels.max() > 1.01:
        raise ValueError(f"the model returned values from {pixels.min():.2f} to {pixels.max():.2f}, not 0..1")
    return np.ascontiguousarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))


def _clips(output: Any, count: int) -> list[Any]:
    for name in ("frames", "videos", "images"):
        found = getattr(output, name, None)
        if found is not None:
            return list(found) if len(found) == count else [f"{len(found)} results for {count} prompts"] * count
    return [f"a {type(output).__name__} without frames"] * count


def _first_picture(frames: Frames, width: int, height: int) -> Any:
    from PIL import Image

    from jobs.generate.compose import fitted

    return Image.fromarray(fitted(frames[0], (width, height), "crop"))


def _peak_bytes(device: str) -> int:
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def device_of(wanted: str) -> str:
    """cpu or cuda.

    Raises:
        Terminal: cuda is asked for and there is none.
    """
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise Terminal("runtime.device = 'cuda': there is no usable CUDA device; set it to auto or cpu")
    return "cuda" if wanted in ("auto", "cuda") and torch.cuda.is_available() else "cpu"


def load(settings: Generate, device: str) -> TextToVideo:
    """Load the pipeline of the settings: bfloat16 on CUDA, float32 on the CPU.

    Raises:
        Terminal: it is not here, not safe to load, of no known family, or damaged.
    """
    started = time.perf_counter()
    made = _loaded(settings, device)
    wants_picture = "image" in made._takes and (
        "ImageToVideo" in made.family or inspect.signature(made.pipe.__call__).parameters["image"].default is not None)
    if settings.picture_model:
        if "image" not in made._takes:
            raise Terminal(f"generate.picture_model is set, but {made.family} of {settings.model!r} takes no picture; leave it "
                           "empty")
        made.pictures = _loaded(Generate(model=settings.picture_model, batch=1), device)
        made.revision, made.batch = f"{made.revision}+{made.pictures.revision}", 1
    elif wants_picture or "prompt" not in made._takes:
        raise Terminal(f"{settings.model!r} is a {made.family}, which starts from a picture; set generate.picture_model to a "
                       "text-to-image pipeline, or give a text-to-video pipeline")
    made._loaded_s = time.perf_counter() - started
    return made


def _loaded(settings: Generate, device: str) -> TextToVideo:
    folder = weights.folder_of(settings)
    index = weights.checked(folder)
    profile = asked(of_folder(folder, index["_class_name"]), settings)
    where = device_of(device)
    pipe = _pipeline(folder, index, where)
    offloaded = _placed(pipe, where, folder)
    return TextToVideo(pipe, settings, profile, weights.revision(folder), type(pipe).__name__, where, settings.batch, offloaded=offloaded)


def _placed(pipe: Any, device: str, folder: Path) -> bool:
    """Put the pipeline on its device; where it does not fit, leave it on the CPU, part by part on loan, and say True."""
    import torch

    try:
        pipe.to(device)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        if not hasattr(pipe, "enable_model_cpu_offload"):
            raise Terminal(f"{folder}: the model does not fit into the memory of the GPU; use a smaller one") from None
        torch.cuda.empty_cache()
        pipe.enable_model_cpu_offload()
        return True
    return False


def _pipeline(folder: Path, index: Mapping[str, Any], device: str) -> Any:
    import torch
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging as diffusers_log
    from transformers.utils import logging as transformers_log

    diffusers_log.disable_progress_bar()
    diffusers_log.set_verbosity_error()
    transformers_log.disable_progress_bar()
    if device == "cpu":
        torch.set_num_threads(1)  # Spark runs a worker for each core; and sums depend on how they are divided
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    encoders = _encoders(folder, index, dtype)
    try:
        pipe = DiffusionPipeline.from_pretrained(str(folder), dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False, **encoders)
    except Exception as error:  # of a tokenizer, for one, nothing more special is raised
        raise Terminal(f"{folder}: the pipeline could not be loaded ({type(error).__name__}: {str(error)[:200]})") from None
    if not {"prompt", "image"} & set(inspect.signature(pipe.__call__).parameters):
        raise Terminal(f"{folder}: {type(pipe).__name__} takes neither a prompt nor a picture; give a text-to-video pipeline")
    if absent := _without_weights(pipe):
        raise Terminal(f"{folder}: the weights are incomplete: {absent} is missing; fetch the folder again")
    for part, tokenizer in sorted(pipe.components.items()):
        refuse_mute(tokenizer, folder / part)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _encoders(folder: Path, index: Mapping[str, Any], dtype: Any) -> dict[str, Any]:
    """The parts of a pipeline that are models of transformers, loaded one by one: within a pipeline their missing weights would be random numbers.

    Raises:
        Terminal: transformers cannot load one, or weights are missing.
    """
    import transformers

    kinds = {part: getattr(transformers, str(value[1]), None) for part, value in index.items()
             if isinstance(value, list) and len(value) == 2 and value[0] == "transformers" and any((folder / part).glob("*.safetensors"))}
    return {part: from_folder(kind, str(folder / part), dtype=dtype) for part, kind in kinds.items() if kind is not None}


def _without_weights(pipe: Any) -> str | None:
    """The first tensor that no file gave a value to; the loaders leave it on the device `meta` and say so in a log line only."""
    for part, module in sorted(pipe.components.items()):
        for name, tensor in getattr(module, "named_parameters", tuple)():
            if tensor.is_meta:
                return f"{part}.{name}"
    return None
