"""Every misuse gets one line that states what was expected, what came, and the fix. More of them
are in `test_mistakes`, and every number of a parameter in `test_whole_numbers`.
"""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb

GOOD = np.random.default_rng(0).normal(size=(8, 2))
WITH_INF = np.where(np.arange(16).reshape(8, 2) == 3, np.inf, GOOD)
HALF = np.full(8, 1 / 8)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"x": GOOD[None]}, r"x: expected shape \(n, d\).*\(1, 8, 2\)"),
        ({"x": GOOD[:0]}, r"x: expected at least one point.*\(0, 2\)"),
        ({"y": GOOD[:, :0]}, r"y: expected at least one point.*\(8, 0\)"),
        ({"y": WITH_INF}, r"y: expected finite.*1 of 8"),
        ({"x": GOOD + 1j}, r"x: expected real numbers"),
        ({"x": np.array([["a", "b"]])}, r"x: expected numbers"),
        ({"x": None}, r"x: expected numbers"),
        ({"x": [[1.0, 2.0], [3.0]]}, r"x: expected an array"),
        ({"a": -HALF}, r"a: expected non-negative weights"),
        ({"a": np.zeros(8)}, r"a: expected weights that sum to 1, got all zeros"),
        ({"b": HALF + 1e-5}, r"b: expected weights that sum to 1"),
        ({"a": HALF * np.nan}, r"a: expected finite weights"),
        ({"p": True}, r"p: expected a finite number >= 1, got True"),
        ({"p": "2"}, r"p: expected a finite number >= 1, got '2'"),
        ({"norm": "l3"}, r"norm: expected one of l2, l1, linf, .*, got 'l3'"),
        ({"method": "exakt"}, r"estimator: expected one of exact, .*did you mean 'exact'\?"),
        ({"method": 7}, r"method: expected a name or an Estimator, got int"),
        ({"stepz": 5, "method": "c_transform"}, r"parameter of estimator.*did you mean 'steps'\?"),
        ({"steps": 0, "method": "c_transform"}, r"steps: expected a whole number >= 1, got 0"),
        ({"hidden": 3, "method": "c_transform"}, r"hidden: expected a tuple"),
        ({"critic": "mpl", "method": "c_transform"}, r"critic: expected one of .*mlp"),
        ({"learning_rate": 0.0, "method": "c_transform"}, r"learning_rate: expected .* > 0, got 0"),
        ({"clip": -1.0, "method": "weight_clipping"}, r"clip: expected a finite number > 0"),
    ],
)
def test_estimate_refuses_with_one_line(arguments, expected):
    arguments = {"x": GOOD, "y": GOOD + 1} | arguments
    with pytest.raises((ValueError, TypeError), match=expected) as caught:
        wb.estimate(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("gausian_shift", {}, r"task: expected one of .*did you mean 'gaussian_shift'"),
        ("gaussian_shift", {"dims": 2}, r"parameter of task 'gaussian_shift'.*mean 'dim'"),
        ("gaussian_shift", {"dim": 0}, r"dim: expected a whole number >= 1, got 0"),
        ("gaussian_shift", {"shift": [1, 2, 3]}, "shift: expected 2 components, one per"),
        ("gaussian_shift", {"scale": -1}, r"scale: expected a finite number >= 0, got -1"),
    ],
)
def test_tasks_refuse_with_one_line(name, parameters, expected):
    with pytest.raises(ValueError, match=expected) as caught:
        wb.tasks.get(name, **parameters)
    assert "\n" not in str(caught.value)


def test_more_points_than_a_data_set_has_is_refused():
    task = wb.tasks.get("image_batches")
    with pytest.raises(ValueError, match=r"n: expected at most 898 points .* got 899"):
        task.sample(None, 899)
    with pytest.raises(ValueError, match=r"n: expected at most 898 points"):
        wb.evaluate(task, "exact", batch_size=899)


def test_weights_off_by_rounding_are_accepted_and_normalised():
    weights = HALF * (1 + 5e-7)
    assert wb.estimate(GOOD, GOOD + 1, a=weights).value == pytest.approx(np.sqrt(2), rel=1e-12)
