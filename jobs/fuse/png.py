"""What the sandbox runs for pictures: any of them as PNG, and which way up one is shown."""

import io


def as_png(path: str) -> bytes:
    """The first frame of a picture that Pillow knows, upright RGB, as PNG.

    Raises:
        MediaFault: it cannot be decoded.
    """
    from PIL import Image

    from jobs.media.picture import open_picture, rgb

    target = io.BytesIO()
    with open(path, "rb") as file:
        Image.fromarray(rgb(open_picture(file))).save(target, "PNG")
    return target.getvalue()


ORIENTATION = 0x0112
"""The tag of EXIF 2.32, section 4.6.4."""


def turned(path: str) -> int:
    """How a picture is shown, by its EXIF or XMP as all readers here take it: 1 to 8, and 1 where that is damaged.

    Raises:
        MediaFault: it cannot be opened.
    """
    from jobs.media.picture import open_picture

    with open(path, "rb") as file:
        picture = open_picture(file)
        try:
            told = picture.getexif().get(ORIENTATION)
        except MemoryError:
            raise
        except Exception:  # Pillow raises whatever it stumbles on
            return 1
    return int(told) if told in range(1, 9) else 1
