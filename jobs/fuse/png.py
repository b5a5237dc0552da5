"""Any picture as PNG: what the sandbox runs for pictures that not every reader opens."""

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
