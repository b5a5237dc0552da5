"""What the sandbox runs for pictures: any of them as PNG, and whether one says where it was taken."""

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


GPS = 0x8825
"""The tag of EXIF that leads to the place, EXIF 2.32 section 4.6.3."""


def tells_where(path: str) -> bool:
    """Whether the EXIF data of a picture name a place, or may, since they are damaged.

    Raises:
        MediaFault: it cannot be opened.
    """
    from jobs.media.picture import open_picture

    with open(path, "rb") as file:
        picture = open_picture(file)
        try:
            return bool(picture.getexif().get_ifd(GPS))
        except MemoryError:
            raise
        except Exception:  # Pillow raises whatever it stumbles on
            return True
