"""Convex pairs: the map is a gradient, the file's formula is followed, the truths are the published
ones.
"""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import metrics

PUBLISHED = Path(__file__).parents[1] / "data" / "w2_benchmark_truth.csv"
WIDTHS = (6, 5, 4)


def network_pair(dim=3, seed=0, changes=None):
    """The arrays of a small pair with the keys of the published ones."""
    rng = np.random.default_rng(seed)
    found = {
        "dim": dim, "strong_convexity": 0.02, "scale": 0.7, "shift": rng.normal(size=dim),
        "centers": rng.normal(size=(3, dim)), "maps": rng.normal(size=(3, dim, dim)),
    }  # fmt: skip
    for v in (1, 2):
        for k, width in enumerate(WIDTHS):
            found[f"quadratic{k}_{v}"] = rng.normal(size=(dim, 1, width))
            found[f"weight{k}_{v}"] = rng.normal(size=(width, dim))
            found[f"bias{k}_{v}"] = rng.normal(size=width)
            if k:
                found[f"convex{k}_{v}"] = rng.uniform(size=(width, WIDTHS[k - 1])) / width
        found[f"final_{v}"] = rng.uniform(size=(1, WIDTHS[-1]))
    return found | (changes or {})


def saved(path, **options):
    content = {k: v for k, v in network_pair(**options).items() if v is not None}
    np.savez(path, **content)
    return str(path)


def network_map(pair, x):
    """T(x) = scale (grad psi_1 + grad psi_2 + shift) by the chain rule, in NumPy."""
    total = np.zeros_like(x)
    for v in (1, 2):
        layers = []
        hidden = 0.0
        for k in range(3):
            along = x @ pair[f"quadratic{k}_{v}"][:, 0]
            before = along**2 + x @ pair[f"weight{k}_{v}"].T + pair[f"bias{k}_{v}"]
            before = before + (hidden @ pair[f"convex{k}_{v}"].T if k else 0)
            slope = np.where(before > 0, 1, np.exp(np.minimum(before, 0))) if k else 1.0
            layers.append((along, slope))
            hidden = np.where(before > 0, before, np.expm1(np.minimum(before, 0))) if k else before
        back = np.broadcast_to(pair[f"final_{v}"], hidden.shape)
        for k in (2, 1, 0):
            along, slope = layers[k]
            back = back * slope
            total += 2 * (back * along) @ pair[f"quadratic{k}_{v}"][:, 0].T
            total += back @ pair[f"weight{k}_{v}"]
            back = back @ pair[f"convex{k}_{v}"] if k else back
        total += pair["strong_convexity"] * x
    return pair["scale"] * (total + pair["shift"])


def test_the_map_of_a_file_is_the_formula_of_its_authors(tmp_path):
    task = wb.tasks.get("convex_pairs", file=saved(tmp_path / "a.npz"))
    x = np.random.default_rng(1).normal(size=(40, 3))
    np.testing.assert_allclose(task.map(x, 2), network_map(network_pair(), x), rtol=1e-10)
    gradient = np.asarray(task.potential_gradient(x, 2))
    np.testing.assert_allclose(gradient, 2 * (x - task.map(x, 2)), rtol=1e-10)


def test_samples_of_a_file_have_the_law_that_it_says(tmp_path):
    """Means and covariances of x in closed form, and y as images of such x."""
    pair = network_pair()
    task = wb.tasks.get("convex_pairs", file=saved(tmp_path / "a.npz"))
    n = 40_000
    x, y = (np.asarray(v, np.float64) for v in task.sample(jax.random.key(5), n))
    middle = pair["centers"].mean(0)
    apart = pair["centers"] - middle
    cov = (pair["maps"] @ pair["maps"].transpose(0, 2, 1)).mean(0) + apart.T @ apart / 3
    assert (np.abs(x.mean(0) - middle) < 5 * np.sqrt(np.diag(cov) / n)).all()
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.05 * np.trace(cov))
    image = network_map(pair, x)
    gap = np.abs(image.mean(0) - y.mean(0))
    assert (gap < 5 * np.sqrt((image.var(0) + y.var(0)) / n)).all()


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [{"dim": 3}, {"dim": 5, "seed": 4}])
@pytest.mark.parametrize("drawn", [True, False])
def test_the_map_back_is_found_to_eight_digits(tmp_path, parameters, drawn):
    if drawn:
        task = wb.tasks.get("convex_pairs", **parameters)
    else:
        task = wb.tasks.get("convex_pairs", file=saved(tmp_path / "a.npz", **parameters))
    x, y = (np.asarray(v) for v in task.pairs(jax.random.key(9), 100, 2))
    assert x.dtype == y.dtype == np.float64
    np.testing.assert_allclose(task.inverse_map(y, 2), x, atol=1e-8)
    far = 30 * np.random.default_rng(2).normal(size=(20, task.dim))  # where nu has no mass
    found = task.inverse_map(far, 2)
    np.testing.assert_allclose(task.map(found, 2), far, atol=1e-8)


@pytest.mark.parametrize("parameters", [{"dim": 2}, {"dim": 16, "seed": 2}])
def test_nothing_is_cheaper_than_the_pairs(parameters):
    """The network simplex on 300 pairs in another order."""
    task = wb.tasks.get("convex_pairs", **parameters)
    x, y = (np.asarray(v) for v in task.pairs(jax.random.key(10), 300, 2))
    moved = ((x - y) ** 2).sum(1).mean()
    assert wb.estimate(x, y[::-1], p=2).cost == pytest.approx(moved, rel=1e-9)


def test_the_potential_and_its_conjugate_close_the_gap():
    """phi(x) + phi^c(y) = |x - y|^2 on pairs, with phi^c over all the x drawn."""
    task = wb.tasks.get("convex_pairs", dim=3)
    x, y = (np.asarray(v) for v in task.pairs(jax.random.key(11), 200, 2))
    phi = np.asarray(task.potential(x, 2))
    costs = ((x[:, None] - y) ** 2).sum(-1)
    np.testing.assert_allclose(phi + (costs - phi[:, None]).min(0), np.diagonal(costs), atol=1e-9)


def test_what_is_known_is_known_for_p_2_in_l2():
    task = wb.tasks.get("convex_pairs")
    assert task.truth(1) is None
    assert task.truth(2, "l1") is None
    point = np.zeros((1, 2))
    for known in (task.potential, task.potential_gradient, task.map, task.inverse_map):
        assert known(point, 1) is None
        assert known(point, 2) is not None
    assert task.pairs(jax.random.key(0), 3, 1) is None
    assert task.truth(2).stderr <= 0.003 * task.truth(2).value


@pytest.mark.parametrize(
    ("changes", "parameters", "expected"),
    [
        ({"centers": None}, {}, "file: expected centers .k, dim."),
        ({"final_1": None, "final_2": None}, {}, "networks up to final_1, final_2"),
        ({"weight1_2": None}, {}, "expected the key weight1_2"),
        ({"bias2_1": None}, {}, "expected final_1 of shape"),
        ({"maps": np.zeros((2, 3, 3))}, {}, r"expected maps of shape \(3, 3, 3\)"),
        ({"shift": np.full(3, np.nan)}, {}, "expected shift of shape .*finite"),
        ({"convex1_1": -np.ones((5, 6))}, {}, "expected convex1_1 without negative numbers"),
        ({"final_2": -np.ones((1, 4))}, {}, "expected final_2 without negative numbers"),
        ({"strong_convexity": 0.0}, {}, "strong_convexity of .*expected a finite number > 0"),
        ({"scale": -1.0}, {}, "scale of .*expected a finite number > 0"),
        ({}, {"dim": 4}, "leave dim out beside file"),
        ({}, {"seed": 1}, "seed: expected none beside file"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, changes, parameters, expected):
    path = saved(tmp_path / "pair.npz", changes=changes)
    with pytest.raises(ValueError, match=expected) as caught:
        wb.tasks.get("convex_pairs", file=path, **parameters)
    assert "\n" not in str(caught.value)


def test_pairs_are_identified_by_content(tmp_path):
    first, second = (
        wb.tasks.get("convex_pairs", file=saved(tmp_path / name)) for name in ("a.npz", "b.npz")
    )
    other = wb.tasks.get("convex_pairs", file=saved(tmp_path / "c.npz", seed=1))
    assert first == second != other
    assert hash(first) == hash(second)
    assert (first.dim, wb.tasks.get("convex_pairs", dim=4).dim) == (3, 4)
    assert wb.tasks.get("convex_pairs", seed=1) != wb.tasks.get("convex_pairs", seed=2)


def published_pairs():
    lines = [line for line in PUBLISHED.read_text().splitlines() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        dim = int(row["dim"])
        marks = [pytest.mark.slow] if dim > 100 else []
        yield pytest.param(row, id=f"dim{dim}", marks=marks)


@pytest.mark.parametrize("row", list(published_pairs()))
def test_published_pairs_match_their_reference(row):
    """W_2 within 3 standard errors, and the linear map within .7 points of its published L2-UVP."""
    file = f"w2_benchmark/dim{row['dim']}.npz"
    folder = os.environ.get("WDIST_BENCH_DATA", "")
    if not folder or not (Path(folder) / file).is_file():
        pytest.skip(f"WDIST_BENCH_DATA names no folder with {file}")
    task = wb.tasks.get("convex_pairs", file=file)
    truth = task.truth(2)
    assert truth.stderr <= 0.003 * truth.value
    assert abs(truth.value - float(row["w2"])) <= 3 * math.hypot(truth.stderr, float(row["se"]))
    x, y = (np.asarray(v) for v in task.pairs(jax.random.key(1), 40_000, 2))
    linear = wb.estimate(x[:20_000], y[20_000:], "gaussian", p=2)
    uvp = metrics.unexplained_variance(linear.map(x[20_000:]), y[20_000:])
    assert uvp == pytest.approx(float(row["linear_l2_uvp_percent"]), abs=0.7)
    np.testing.assert_allclose(task.inverse_map(y[:20], 2), x[:20], atol=1e-8)
