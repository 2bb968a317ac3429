"""An estimator that a caller gave, by name or as it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from wdist_bench import estimators
from wdist_bench.estimate import Estimator


def check_estimator(method: str | Estimator, options: dict[str, Any]) -> Estimator:
    """The estimator; raises TypeError where something else came, or options beside an object."""
    if isinstance(method, str):
        return estimators.get(method, **options)
    if not isinstance(method, Estimator):
        fix = f"names are {', '.join(estimators.names())}"
        if isinstance(method, type) and issubclass(method, Estimator):
            fix = f"make one, as in method={method.__name__}()"
        elif np.ndim(method) == 1:
            fix = "weights are passed by name, as in wb.estimate(x, y, a=weights_x, b=weights_y)"
        raise TypeError(
            f"method: expected a name or an Estimator, got {type(method).__name__}; {fix}"
        )
    if options:
        raise TypeError(
            f"options: expected none beside an Estimator object, got {sorted(options)}; "
            "set them when building it"
        )
    return method
