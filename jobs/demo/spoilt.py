"""How the pictures of the sample corpus are spoilt: uint8 RGB frames [n, height, width, 3] in, the same out."""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def blurred(frames: Frames) -> Frames:
    """Out of focus: a Gaussian of 14 pixels."""
    import cv2

    return np.stack([cv2.GaussianBlur(f, (0, 0), 14) for f in frames])


def letterboxed(frames: Frames) -> Frames:
    """Black bars over 40 % of the height, the picture squeezed between them."""
    import cv2

    out, inner = np.zeros_like(frames), int(frames.shape[1] * 0.6)
    top = (frames.shape[1] - inner) // 2
    for new, old in zip(out, frames, strict=True):
        new[top : top + inner] = cv2.resize(old, (frames.shape[2], inner), interpolation=cv2.INTER_AREA)
    return out


def written_over(frames: Frames) -> Frames:
    """Eight lines of large outlined text over the whole picture."""
    import cv2

    lines = (
        "BIG SUMMER SALE TODAY ONLY",
        "BUY TWO AND GET ONE FREE",
        "SCAN THE CODE AND ORDER NOW",
        "CALL 400 000 FOR DETAILS",
        "LAST CHANCE BEFORE MIDNIGHT",
        "FREE SHIPPING EVERYWHERE",
        "NEW COLOURS AND NEW SIZES",
        "FOLLOW US FOR MORE OFFERS",
    )
    out = frames.copy()
    for frame in out:
        for i, line in enumerate(lines):
            for colour, weight in (((0, 0, 0), 8), ((255, 255, 255), 3)):
                cv2.putText(frame, line, (14, 40 + i * 43), cv2.FONT_HERSHEY_DUPLEX, 1.15, colour, weight, cv2.LINE_AA)
    return out
