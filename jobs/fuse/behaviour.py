"""The behaviour prior: how much people liked a source, 0..1, from aggregated and k-anonymous counts alone.

    completion' = (views * completion + m * mean_completion) / (views + m)
    rate'       = (likes + 2 * shares + m * mean_rate) / (views + m)
    engagement  = completion' / 2 + rate' / (rate' + mean_rate) / 2

Both are shrunk towards the mean of the corpus by m = 20 views, so that three enthusiasts are no hit; a source of average
completion c and average rate has c / 2 + 1/4. A source without a behaviour row has no prior, rather than an average one.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PRIOR_VIEWS = 20.0
SHARE_WEIGHT = 2.0
"""A share costs a person more than a like."""


def engagement(behaviour: pa.Table, least_k: int) -> pa.Table:
    """`source_id` and `engagement` of every source with a row behind which at least `least_k` people stand.

    Args:
        behaviour: Rows of `behaviour`.
        least_k: Rows of fewer people are not used, whoever wrote them.
    """
    rows = behaviour.filter(pc.greater_equal(behaviour["k"], least_k))
    views = np.maximum(np.asarray(rows["views"], dtype=np.float64), 0.0)
    acts = np.asarray(rows["likes"], dtype=np.float64) + SHARE_WEIGHT * np.asarray(rows["shares"], dtype=np.float64)
    watched = np.asarray(pc.cast(rows["completion"], pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    known = ~np.isnan(watched)
    if not len(views) or views.sum() <= 0:
        return pa.table({"source_id": pa.array([], pa.string()), "engagement": pa.array([], pa.float64())})
    mean_rate = max(float(acts.sum() / views.sum()), 1e-6)
    mean_watched = float(np.average(watched[known], weights=views[known])) if views[known].sum() > 0 else 0.5
    seen = np.where(known, views, 0.0)
    completion = (seen * np.where(known, watched, 0.0) + PRIOR_VIEWS * mean_watched) / (seen + PRIOR_VIEWS)
    rate = (acts + PRIOR_VIEWS * mean_rate) / (views + PRIOR_VIEWS)
    score = completion / 2 + rate / (rate + mean_rate) / 2
    return pa.table({"source_id": rows["source_id"], "engagement": np.round(np.clip(score, 0.0, 1.0), 5)})
