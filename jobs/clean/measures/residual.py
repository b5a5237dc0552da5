"""Cuts left inside a clip.

residual_cut: greatest cut score of the frames inside the span but its first, over the threshold of cuts: 1 and above is a cut
that was not taken as a boundary. Score and threshold, with their sources: `jobs.clean.cuts`. A ratio. Version 4.
"""

from typing import Any

from jobs.clean.measures import Measurement, Span


def reduce(span: Span) -> dict[str, Any]:
    scores = span.signals["cut"][1:]
    return {"residual_cut": float(scores.max()) / span.facts["shot_threshold"] if scores.size else None}


MEASURE = Measurement("residual", 4, ("residual_cut",), reduce)
