"""Flicker.

flicker: mean absolute second difference of the mean luma from frame to frame, 0..255: a steady change counts nothing, up and
down counts. Null below three frames. Version 1. Source: the temporal flicker term of VBench (frame difference), on
brightness alone.
"""

from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Span


def reduce(span: Span) -> dict[str, Any]:
    luma = span.signals["luma"].astype(np.float64)
    return {"flicker": float(np.abs(np.diff(luma, n=2)).mean()) if luma.size >= 3 else None}


MEASURE = Measurement("flicker", 1, ("flicker",), reduce)
