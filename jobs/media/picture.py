"""Pictures through Pillow: any mode to RGB, upright, one frame or many, never more pixels than allowed.

Size is read from the header and checked before anything is decoded: a picture of 16k x 16k costs nothing to refuse.
"""

import io
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from jobs.media.faults import MediaFault, PartlyUndecodable, TooManyFrames, TooManyPixels, Undecodable

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "HEIF", "AVIF", "JPEG2000", "PPM", "ICO", "PSD", "DIB", "TGA")
"""Formats that Pillow may try: those without external programs (EPS is not among them)."""
BACKGROUND = 255
"""Grey level that transparent pixels are laid over."""
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
"""Formats whose further pictures are an animation. Those of others are pages, of which the first is taken."""
LEAST_FRAME_S, USUAL_FRAME_S = 0.02, 0.1
"""Browsers show frames with a shorter stated duration for a tenth of a second."""

_ready = False


def _prepare() -> None:
    global _ready
    if _ready:
        return
    import pillow_heif
    from PIL import Image, ImageFile

    pillow_heif.register_heif_opener(thumbnails=False)
    Image.init()
    Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    _ready = True


class _Bounded:
    """A file of which no more is asked for than there is: for a chunk that claims gigabytes they would be allocated."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.size = file, file.seek(0, 2)
        file.seek(0)

    def read(self, count: int = -1) -> bytes:
        left = max(self.size - self.file.tell(), 0)
        return self.file.read(left if count < 0 else min(count, left))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def open_picture(file: BinaryIO, max_pixels: int | None = None) -> Any:
    """The picture with its header read.

    Raises:
        Undecodable: Pillow does not understand it.
        TooManyPixels: the header states more than `max_pixels`.
    """
    _prepare()
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(cast(BinaryIO, _Bounded(file)), formats=FORMATS)
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
            raise Undecodable(f"no picture could be read: {_plain(error)}") from None
        except Exception as error:
            raise Undecodable(f"the header of the picture is broken: {type(error).__name__}: {_plain(error)}") from None
    if max_pixels is not None and image.width * image.height > max_pixels:
        raise TooManyPixels(f"{image.width} x {image.height} pixels; the limit is {max_pixels}")
    return image


def frames(image: Any) -> int:
    """Pictures of an animation, 1 for what is none.

    Raises:
        Undecodable: the header says nonsense of it.
    """
    if image.format not in ANIMATED:
        return 1
    try:
        return int(getattr(image, "n_frames", 1)) - _before(image)
    except MemoryError:
        raise
    except Exception as error:
        raise Undecodable(f"the frames of the picture cannot be counted: {type(error).__name__}: {_plain(error)}") from None


def _before(image: Any) -> int:
    """Pictures before those of the animation: an APNG may begin with one for programs that know no animations."""
    return int(bool(getattr(image, "default_image", False)))


def pictures(image: Any, max_frames: int) -> Iterator[tuple[float, float, NDArray[np.uint8]]]:
    """Start and duration in seconds and RGB pixels of every frame of an animation, upright.

    Raises:
        PartlyUndecodable: it breaks off.
        TooManyFrames: more than `max_frames`.
    """
    count = frames(image)
    if count > max_frames:
        raise TooManyFrames(f"{count} frames of {image.width} x {image.height}; the limit is {max_frames}")
    at, before = 0.0, _before(image)
    for index in range(count):
        try:
            image.seek(index + before)
            pixels = rgb(image)
        except EOFError:
            return
        except MemoryError:
            raise
        except Exception as error:
            why = error.detail if isinstance(error, MediaFault) else f"{type(error).__name__}: {_plain(error)}"
            raise PartlyUndecodable(f"frame {index + 1} of {count}: {why}") from None
        seconds = float(image.info.get("duration", 0) or 0) / 1000
        seconds = seconds if seconds >= LEAST_FRAME_S else USUAL_FRAME_S
        yield at, seconds, pixels
        at += seconds


def rgb(image: Any) -> NDArray[np.uint8]:
    """Upright RGB pixels of the current frame in sRGB: 16 bits are scaled, CMYK, Lab and embedded colour profiles converted, transparency
    laid over white.

    Raises:
        PartlyUndecodable: the data break off.
        Undecodable: the data are broken.
    """
    from PIL import ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            deep = bits(image)
            image.load()
        except MemoryError:
            raise
        except Exception as error:  # Pillow meets broken data with whatever its arithmetic runs into.
            text = _plain(error)
            raise (PartlyUndecodable if "truncated" in text or "broken" in text else Undecodable)(text) from None
        try:
            upright = ImageOps.exif_transpose(image)
        except Exception:  # Broken EXIF of any kind: the pixels are fine, they are taken as they lie.
            upright = image
        return np.ascontiguousarray(_eight_bit_rgb(upright, deep))


FEW = 16
"""A picture of floats of which the greatest is no more, and that are no whole numbers, is of light and not of levels of 255."""


def _eight_bit_rgb(image: Any, deep: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageCms

    mode: str = image.mode
    if mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint16) >> (deep - 8)).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if mode in ("I", "F"):
        values = np.asarray(image, dtype=np.float64)
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        levels = low >= 0 and high > 1 and (high > FEW or bool((finite == np.rint(finite)).all()))
        top = 255.0 if levels and high <= 255 else 65535.0 if levels and high <= 65535 else 0.0
        scaled = values * (255 / top) if top else (values - low) * (255 / max(high - low, 1e-12))
        return np.repeat(np.nan_to_num(scaled, posinf=255.0, neginf=0.0).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if mode == "LAB":
        srgb = ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), srgb, outputMode="RGB")
    profile = image.info.get("icc_profile")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layered = image.convert("RGBA")
        base = Image.new("RGBA", layered.size, (BACKGROUND,) * 3 + (255,))
        base.alpha_composite(layered)
        image = base
    if mode in ("CMYK", "RGB", "RGBA", "P"):
        image = _in_srgb(image if mode == "CMYK" else image.convert("RGB"), profile)
    converted: NDArray[np.uint8] = np.asarray(image.convert("RGB"))
    return converted


def _in_srgb(image: Any, profile: Any) -> Any:
    """An RGB or CMYK picture by its embedded profile; as it is where that is sRGB, broken or of other channels."""
    from PIL import ImageCms

    if not isinstance(profile, bytes) or not profile:
        return image
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in (own.profile.profile_description or ""):
            return image
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def bits(image: Any) -> int:
    """Bits per component as stored; to be asked before the pixels are loaded."""
    mode: str = image.mode
    if mode == "1":
        return 1
    tiff = getattr(image, "tag_v2", None)
    stored = tiff.get(258) if tiff is not None else None
    if mode.startswith("I;16"):
        return int(stored[0]) if isinstance(stored, tuple) and stored and 8 < stored[0] < 16 else 16
    if mode.startswith(("I", "F")):
        return 16 if mode == "I" else 32
    if isinstance(stored, tuple) and stored:
        return int(max(stored))
    if image.format == "AVIF":
        at = (head := _head(image)).find(b"av1C")
        deep = head[at + 6] if 0 <= at < len(head) - 6 else 0
        return 8 if not deep & 0x40 else 12 if deep & 0x20 else 10
    if any(isinstance(tile[3], str) and ";16" in tile[3] for tile in image.tile):
        return 16
    return int(image.info.get("bit_depth", 8))


TURNED_DEG = {3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}
"""Clockwise degrees of the orientations of EXIF; 2, 4, 5 and 7 are mirrored left to right before."""


def turned(image: Any) -> int:
    """Clockwise degrees by which `rgb` turns the picture as its EXIF says. To be asked of a TIFF before the pixels are loaded, which turns it
    and forgets that, and of others after: a PNG may say so behind them."""
    from PIL import ExifTags

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return TURNED_DEG.get(image.getexif().get(ExifTags.Base.Orientation, 1), 0)
        except MemoryError:
            raise
        except Exception:  # Broken EXIF of any kind: the pixels are taken as they lie.
            return 0


HEAD_BYTES = 1 << 16
"""Where the boxes of HEIF and AVIF are that say how a picture is coded."""


def _head(image: Any) -> bytes:
    file = getattr(image, "fp", None)
    if file is None:
        return b""
    at = file.tell()
    file.seek(0)
    head = bytes(file.read(HEAD_BYTES))
    file.seek(at)
    return head


def is_hdr(image: Any) -> bool:
    """Whether the transfer is PQ or HLG (16 and 18 of ITU-T H.273), as AVIF and HEIF say it; to be asked before the pixels are loaded."""
    head = _head(image) if image.format in ("AVIF", "HEIF") else b""
    at = head.find(b"colrnclx")
    return 0 <= at < len(head) - 12 and int.from_bytes(head[at + 10:at + 12], "big") in (16, 18)


def stored_alpha(image: Any) -> bool:
    """Whether the picture has transparency."""
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def jpeg(pixels: NDArray[np.uint8], quality: int = 85) -> bytes:
    """RGB pixels as a JPEG."""
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=quality)
    return target.getvalue()


def _plain(error: BaseException) -> str:
    """The message without addresses of objects, which differ from run to run."""
    text = str(error) or type(error).__name__
    if "MAX_TEXT" in text:
        return "a text or profile in its header unpacks to megabytes"
    if "could not create decoder" in text:
        return "its data are damaged or cut off"
    return "the data are of no known picture format" if "cannot identify" in text or "object at 0x" in text else text
