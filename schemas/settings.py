"""Settings: `recipe` says what is made and bears identity; `runtime` says where and how and never does.

`schemas.loading` takes them from the command line, the environment and files. Secrets are not settings: they come from Airflow
connections or the environment.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

AI_MADE = r"(?s).*(?:AI|(?<![A-Za-z])ai(?![A-Za-z])|人工智[能慧]|[Aa]rtificial)"
"""What a label that everybody sees must say from its start (GB 45438-2025: that it is AI, or 人工智能)."""
Share = Annotated[float, Field(ge=0, le=1)]
SomeShare = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class SettingsError(ValueError):
    """A setting that does not exist or does not hold; the message names it, its value and the way out."""


class Section(BaseModel):
    """A frozen group of settings that refuses unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Collect(Section):
    """What is taken in."""

    max_bytes: int = Field(default=64 << 30, gt=0)
    """Larger files are rejected."""
    follow_links: bool = False
    """Follow symbolic links that stay inside the source folder; those that leave it are always rejected."""
    k_anonymity: int = Field(default=5, ge=1)
    """Sources with fewer distinct people in the behaviour records get no behaviour row."""
    mask_pii: bool = True
    """Mask phone numbers, e-mail addresses, id numbers and account handles before anything is stored."""


class Measure(Section):
    """The decode pass: what bears on the numbers that it stores."""

    samples_per_second: Positive = 2.0
    """Rate of the pictures that blur, motion and hashes are measured on (research: 2 a second)."""
    short_side_px: int = Field(default=224, ge=64)
    """Short side of those pictures."""
    stored_frames: int = Field(default=4, ge=1, le=64)
    """Small frames kept per clip."""
    shot_threshold: Positive = 27.0
    """Content change that is a cut, on the 0..255 scale (PySceneDetect's ContentDetector default)."""
    min_clip_s: Positive = 1.0
    """Shots shorter than this are kept as clips and left to policy; shorter than half of it they are joined to no clip."""
    max_clip_s: Positive = 20.0
    """Longer shots are cut into equal spans (Cosmos-Curate: 60, Open-Sora 15, EasyAnimate 10)."""
    trim_s: Annotated[float, Field(ge=0)] = 0.1
    """Cut off beside every gradual transition."""
    max_pixels: int = Field(default=8192 * 8192, gt=0)
    """Pictures larger than this are rejected unread."""
    max_frames: int = Field(default=2_000_000, gt=0)
    """Streams longer than this are rejected."""
    max_damage: Share = 0.1
    """Share of undecodable packets above which a source is rejected."""
    seconds_per_second: Positive = 20.0
    """Time limit of decoding, as a multiple of the length."""
    min_limit_s: Positive = 60.0
    """Least time limit of one source."""
    max_limit_s: Positive = 86_400.0
    """Greatest time limit of one source, or of one part of a long one, whatever length it claims."""
    max_memory_mb: int = Field(default=2048, ge=256)
    """Address space that a decoding child may add."""


class Policy(Section):
    """What is good enough. Reads stored numbers only."""

    preset: Literal["pretrain", "finetune", "everything"] = "pretrain"
    """A named set of thresholds; `filters` overrides it."""
    filters: dict[str, dict[str, Any]] = {}
    """Overrides by filter name, for example `{"duration": {"min_s": 3}}`; `{"severity": "off"}` turns one off."""


class Dedup(Section):
    """What counts as the same."""

    methods: tuple[Literal["exact", "minhash", "perceptual", "semantic", "audio"], ...] = (
        "exact", "minhash", "perceptual", "audio")
    """Which kinds of evidence are used."""
    threshold: SomeShare = 0.8
    """True Jaccard similarity of shingle sets from which texts are duplicates (datatrove, text-dedup: 0.7 to 0.8)."""
    permutations: int = Field(default=128, ge=16)
    """Length of a MinHash signature."""
    recall_weight: Share = 0.98
    """Weight of false negatives when bands and rows are chosen: 17 bands of 7 rows at 0.8, which miss 0.2 % of the near pairs;
    datasketch's default of 0.5 misses 23 %. What it lets through is verified."""
    shingle: int = Field(default=3, ge=1, le=8)
    """Words per shingle; an ideograph is a word."""
    min_caption_words: int = Field(default=8, ge=1)
    """Captions of pictures and videos with fewer words are too common to prove anything and are not compared."""
    hamming: int = Field(default=8, ge=0, le=16)
    """Bits of 64 by which two perceptual hashes of the same picture may differ."""
    turned: bool = False
    """Whether pictures and videos are also the same when one is the other mirrored or turned by quarters."""
    phash_share: SomeShare = 0.6
    """Share of the shorter clip's hashes that must find a partner in time order."""
    cosine: SomeShare = 0.97
    """Cosine of embeddings from which clips are semantic duplicates (Cosmos-Curate: 0.99)."""
    keep: tuple[Literal["pixels", "duration", "bitrate", "quality", "licence", "earliest"], ...] = (
        "pixels", "duration", "bitrate", "quality", "earliest")
    """Who stays, first criterion first."""
    across_releases: bool = False
    """Match against the clips of earlier releases as well, whose index stands in the lake; those always stay."""


class Label(Section):
    """Which labels are made, by which model."""

    labelers: tuple[str, ...] = ()
    """Labelers to run by name; empty: all whose models are at hand."""
    clip_model: str = "embedded"
    """`embedded`, an open_clip name, `hf-hub:...` or `local-dir:/path` (a folder of open_clip, or a CLIP or SigLIP of transformers)."""
    clip_pretrained: str = ""
    """open_clip tag or path of a checkpoint, for a plain model name."""
    vocabulary: dict[str, dict[str, tuple[str, str]]] = {}
    """Groups of tags: group -> tag -> (English words, Chinese words); empty: the default of the labeler."""
    top_k: int = Field(default=3, ge=1)
    """Tags kept per group."""
    batch: int = Field(default=32, ge=1)
    """Pictures per forward pass; every pass has this shape, so that a score does not depend on its neighbours."""
    min_similarity: float | None = None
    """Cosine of picture and caption below which a clip is dropped; none: labels only."""
    min_consistency: float | None = None
    """Least cosine of a clip's neighbouring stored frames below which it is dropped for a missed cut (EasyAnimate: 0.8 with ViT-B/32); none:
    labels only."""
    max_unsafe: Share | None = None
    """Probability of an unsafe concept above which a clip is dropped; none: labels only."""
    blocklist: tuple[str, ...] = ()
    """Words in a title, caption, transcript or text, given, read in the picture, heard or said by a captioner, for which a clip is dropped, in
    addition to the built-in list."""
    aesthetic_head: str = ""
    """Path of a safetensors head over the embeddings of `clip_model`; empty: no aesthetic score."""
    ocr_min_text_share: Share = 0.0
    """Estimated share of the picture covered by text below which the OCR does not look at a clip; 0.002 spares half of those without text,
    and with them one of seven that hold a line."""
    asr_model: str = ""
    """Folder of a faster-whisper (CTranslate2) model; empty: no transcripts are made."""
    safety_model: str = ""
    """Folder of a transformers image-classification model, one of whose classes is called harmless (`normal`, `safe`, `sfw`, ...); empty: none."""
    caption_model: str = ""
    """Folder of a transformers image-text-to-text model, or `http(s)://host/v1#model` of an OpenAI-compatible endpoint; empty: none."""


class Fuse(Section):
    """What a release is made of."""

    cut: Literal["smart", "copy", "encode", "range"] = "smart"
    """How clips are cut out: re-encode only the GOPs at both ends, start at the keyframe before, re-encode all, or spans only."""
    shard_bytes: int = Field(default=256 << 20, ge=1 << 20)
    """Size of a shard, roughly."""
    row_group_bytes: int = Field(default=32 << 20, ge=1 << 16)
    """Size of a row group, roughly."""
    validation_share: Share = 0.05
    """Share of duplicate clusters that go to the validation split."""
    crf: int = Field(default=20, ge=0, le=51)
    """x264 quality where something is encoded."""


class Prompts(Section):
    """Which prompts are generated."""

    texts: tuple[str, ...] = ()
    """Prompts given by the user; empty: drawn from the release."""
    count: int = Field(default=4, ge=1)
    """How many are drawn."""
    aspect: Literal["9:16", "16:9", "1:1"] = "9:16"
    style: Literal["creation", "education", "entertainment", "promotion"] = "creation"
    """Preset of the storyboard."""
    langs: tuple[str, ...] = ("zh", "en")
    """Languages that are drawn."""
    seed: int = Field(default=0, ge=0, lt=1 << 63)
    max_chars: int = Field(default=2000, ge=1)
    """Longer prompts are rejected."""
    blocklist: tuple[str, ...] = ()
    """Words that are refused in addition to the built-in list."""
    rewriter: str = ""
    """`http(s)://host/v1#model` of an OpenAI-compatible endpoint that words the shots for the generator; empty: none."""

    @field_validator("texts")
    @classmethod
    def _whole(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Halves of characters, as broken JSON and broken terminals give them, cannot be written anywhere."""
        return tuple(text.encode("utf-8", "ignore").decode() for text in texts)


class Generate(Section):
    """How clips are generated."""

    model: str = "embedded"
    """`embedded`, or the path or hub id of a diffusers text-to-video pipeline (safetensors only)."""
    revision: str = ""
    """Hub revision."""
    picture_model: str = ""
    """Path or hub id of a text-to-image pipeline that makes the first picture, where `model` turns pictures into videos."""
    steps: int = Field(default=0, ge=0)
    """Denoising steps; 0: the profile of the pipeline's family."""
    guidance: float | None = None
    """Guidance scale; none: the profile of the family."""
    width: int = Field(default=0, ge=0)
    """Pixels; 0: the profile of the family."""
    height: int = Field(default=0, ge=0)
    frames: int = Field(default=0, ge=0)
    batch: int = Field(default=4, ge=1)
    """Prompts per call."""
    reseeds: int = Field(default=2, ge=0)
    """Further attempts after a rejected result."""
    min_similarity: float | None = None
    """Cosine of result and prompt below which a result is off-prompt; none: the model's own profile."""


class Publish(Section):
    """How videos are finished and where they go."""

    short_side_px: int = Field(default=720, ge=240)
    fps: int = Field(default=24, ge=8, le=60)
    loudness_lufs: float = Field(default=-16.0, ge=-31, le=-9)
    voice: str = "espeak"
    """Narrator: `espeak`, or a file of jobs/generate/narrators with its model path after a colon."""
    music: str = ""
    """Path of a music bed, or `corpus` for a sound of the release in which nobody speaks; empty: none."""
    fill: Literal["blur", "crop"] = "blur"
    """What fills the frame where the clip's shape differs."""
    font: str = ""
    """Path of a font for subtitles and label; empty: Noto Sans CJK SC as in the repository (GB2312, Latin)."""
    label_zh: str = "AI生成"
    """Label burned into Chinese videos."""
    label_en: str = "AI-generated"
    """Label burned into all others."""
    producer: str = "reelmill"
    """ContentProducer of the AIGC field and claim generator of the C2PA manifest."""
    targets: tuple[str, ...] = Field(default=("folder",), min_length=1)
    """Files of jobs/publish/targets, each once, with its place after a colon where it needs one: `folder`, `s3:bucket/prefix`."""
    approval: bool = False
    """A person approves before anything is published (Airflow human-in-the-loop)."""

    @field_validator("label_zh", "label_en")
    @classmethod
    def _says_it(cls, label: str) -> str:
        if not re.match(AI_MADE, label):
            raise ValueError("a label must say that the video is AI-made: AI, 人工智能 or artificial")
        return label

    @field_validator("targets")
    @classmethod
    def _of_each_kind_one(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        """The key of a publication names the kind of its target, not the place."""
        kinds = [target.partition(":")[0] for target in targets]
        if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
            raise ValueError(f"{min(twice)!r} is named more than once; publish to the second place in a run of its own")
        return targets


class Recipe(Section):
    """What is made. Each job's version depends on its own sections only."""

    collect: Collect = Collect()
    measure: Measure = Measure()
    policy: Policy = Policy()
    dedup: Dedup = Dedup()
    label: Label = Label()
    fuse: Fuse = Fuse()
    prompts: Prompts = Prompts()
    generate: Generate = Generate()
    publish: Publish = Publish()


class Capture(Section):
    """Live streams that are recorded into a landing folder."""

    streams: tuple[str, ...] = ()
    """Addresses of HLS playlists (.m3u8), http or https."""
    folder: str = "./landing"
    """Landing folder; a source of the corpus build."""
    seconds: Positive = 600.0
    """Length of media to record of each stream."""
    file_s: Positive = 60.0
    """Length of one file: long enough for its shots, short enough to be one task."""
    licence: str = ""
    """Kept beside every file."""
    consent: str = ""
    """Kept beside every file."""
    hosts: tuple[str, ...] = ()
    """Hosts that segments may come from, beside those of the playlists."""


class Runtime(Section):
    """Where and how. Never part of a version."""

    lake: str = Field(default="./lake", min_length=1)
    """Root of the lake: a folder or any fsspec URL."""
    sources: tuple[str, ...] = ()
    """Folders and files to collect; what lies in `lake` and `out` is left out where these lie in a source."""
    capture: Capture = Capture()
    """Live streams to record."""
    out: str = ""
    """Folder that videos are published to; empty: `videos` beside the tables of a local lake."""
    public_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    """Address (http or https) under which that folder or bucket is served: the links of the feeds begin with it. Empty: with the
    folder's own file:// or the bucket's s3:// address, since RSS takes no relative ones."""
    master: str = "local[*]"
    """Spark master."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models run; auto: on CUDA where there is one."""
    driver_memory: str = "2g"
    """Heap of the Spark driver; media bytes never enter it."""
    progress: bool = True
    """Show progress bars on a terminal."""
    signing_key: str = ""
    """Path of the PEM private key that C2PA manifests are signed with; empty: a self-made test key, marked as such."""
    signing_chain: str = ""
    """Path of its PEM certificate chain."""


class Settings(Section):
    """All settings."""

    recipe: Recipe = Recipe()
    runtime: Runtime = Runtime()
