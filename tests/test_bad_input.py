"""Every misuse gets one line that states what was expected, what came, and the fix."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb

GOOD = np.random.default_rng(0).normal(size=(8, 2))
WITH_NAN = np.where(np.arange(16).reshape(8, 2) == 3, np.nan, GOOD)
WITH_INF = np.where(np.arange(16).reshape(8, 2) == 3, np.inf, GOOD)
HALF = np.full(8, 1 / 8)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"x": GOOD[:, 0]}, r"x: expected shape \(n, d\).*\(8,\).*reshape"),
        ({"x": GOOD[None]}, r"x: expected shape \(n, d\).*\(1, 8, 2\)"),
        ({"y": GOOD[:, :1]}, r"equal dimensions, got 2 and 1"),
        ({"x": GOOD[:0]}, r"x: expected at least one point.*\(0, 2\)"),
        ({"y": GOOD[:, :0]}, r"y: expected at least one point.*\(8, 0\)"),
        ({"x": WITH_NAN}, r"x: expected finite.*1 of 8"),
        ({"y": WITH_INF}, r"y: expected finite.*1 of 8"),
        ({"x": GOOD + 1j}, r"x: expected real numbers"),
        ({"x": np.array([["a", "b"]])}, r"x: expected numbers"),
        ({"x": None}, r"x: expected numbers"),
        ({"x": [[1.0, 2.0], [3.0]]}, r"x: expected an array"),
        ({"a": -HALF}, r"a: expected non-negative weights"),
        ({"a": np.zeros(8)}, r"a: expected weights that sum to 1, got all zeros"),
        ({"b": HALF * 2}, r"b: expected weights that sum to 1.*got a sum of 2; normalise"),
        ({"b": HALF + 1e-5}, r"b: expected weights that sum to 1"),
        ({"a": HALF[:5]}, r"a: expected one weight per point, shape \(8,\), got shape \(5,\)"),
        ({"a": HALF * np.nan}, r"a: expected finite weights"),
        ({"p": 0.5}, r"p: expected a finite number >= 1, got 0.5"),
        ({"p": True}, r"p: expected a finite number >= 1, got True"),
        ({"p": "2"}, r"p: expected a finite number >= 1, got '2'"),
        ({"norm": "l3"}, r"norm: expected one of l2, l1, linf, .*, got 'l3'"),
        ({"method": "exakt"}, r"estimator: expected one of exact, .*did you mean 'exact'\?"),
        ({"method": 7}, r"method: expected a name or an Estimator, got int"),
        ({"seed": -1}, r"seed: expected a whole number >= 0, got -1"),
        ({"seed": 0.5}, r"seed: expected a whole number"),
        ({"stepz": 5, "method": "c_transform"}, r"parameter of estimator.*did you mean 'steps'\?"),
        ({"steps": 0, "method": "c_transform"}, r"steps: expected a whole number >= 1, got 0"),
        ({"hidden": 3, "method": "c_transform"}, r"hidden: expected a tuple"),
        ({"critic": "mpl", "method": "c_transform"}, r"critic: expected one of .*mlp"),
        ({"learning_rate": 0.0, "method": "c_transform"}, r"learning_rate: expected .* > 0, got 0"),
        ({"clip": -1.0, "method": "weight_clipping"}, r"clip: expected a finite number > 0"),
        ({"p": 2, "method": "weight_clipping"}, r"weight_clipping: expected p = 1, got p = 2"),
        ({"p": 2, "method": "gradient_penalty"}, r"gradient_penalty: expected p = 1, got p = 2"),
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
        ("gaussian_shift", {"dim": 2.5}, r"dim: expected a whole number"),
        ("gaussian_shift", {"shift": [1, 2, 3]}, "shift: expected 2 components, one per"),
        ("gaussian_shift", {"shift": float("nan")}, r"shift: expected a finite number"),
        ("gaussian_shift", {"scale": -1}, r"scale: expected a finite number >= 0, got -1"),
        ("image_batches", {"dataset": "minst"}, r"dataset: expected one of .*did you mean 'mnist'"),
        ("image_batches", {"split": "test"}, r"split of digits: expected one of all"),
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
