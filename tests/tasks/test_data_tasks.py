"""Discrete tasks, noise, funnels, images and own data: bad input and identity."""

from __future__ import annotations

import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Pairwise
from wdist_bench.registry import FrozenArray, freeze
from wdist_bench.tasks.blurred_images import Blur

OURS = [
    "image_batches",
    "translated_images",
    "blurred_images",
    "funnel_images",
    "clusters",
    "histogram",
    "weighted_points",
    "noisy",
    "funnels",
    "convex_pairs",
    "own_data",
]
ROWS = np.random.default_rng(0).normal(size=(30, 3))


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("clusters", {"radius": -1}, "radius: expected a finite number >= 0"),
        ("clusters", {"centers": [[0.0, 0.0]]}, "moves: expected one per center, 1, got 3"),
        ("clusters", {"moves": [[1.0], [1.0], [1.0]]}, "equal dimensions, got 2 and 1"),
        ("clusters", {"weights": [0.5, 0.5]}, r"weights: expected one weight per point.*\(3,\)"),
        ("clusters", {"weights": [1, 1, 1]}, "weights: expected weights that sum to 1"),
        ("clusters", {"moves": [[12.0, 0], [-12.0, 0], [0, 0]]}, "exchange that may save"),
        ("clusters", {"radius": 4.0}, "exchange that may save"),
        ("clusters", {"centers": [[math.nan, 0]] * 3}, "centers: expected finite numbers"),
        ("histogram", {"weights_x": [3, 2, 1, 5]}, "expected equal positive totals, got 11 and 10"),
        ("histogram", {"weights_x": [3, 2, 1, -4]}, "weights_x: expected a finite number >= 0"),
        ("histogram", {"weights_x": [3, 2, 1]}, "weights_x: expected one mass per position, 4"),
        ("histogram", {"positions": []}, "positions: expected a list of numbers"),
        ("histogram", {"weights_x": [0] * 4, "weights_y": [0] * 4}, "equal positive totals"),
        ("weighted_points", {"x": [[0.0]]}, "equal dimensions, got 1 and 2"),
        ("weighted_points", {"a": [3, 2, 1]}, "normalise with a / a.sum"),
        ("weighted_points", {"b": [0.5, 0.5, 0.5, -0.5]}, "b: expected non-negative weights"),
        ("weighted_points", {"y": [[0.0, 1.0], [0.0]]}, "y: expected an array"),
        ("noisy", {"dim": 0}, "dim: expected a whole number >= 1"),
        ("noisy", {"noise": "laplace"}, "noise: expected one of gaussian, uniform"),
        ("noisy", {"noise_std": 0}, "noise_std: expected a finite number > 0"),
        ("funnels", {"width": 0}, "width: expected a whole number >= 1"),
        ("funnels", {"seed": -1}, "seed: expected a whole number >= 0"),
        ("funnels", {"power": 0.5}, "power: expected a finite number >= 1"),
        ("funnels", {"file": "/no/such.npz"}, "file: expected a file, got '/no/such.npz'"),
        ("funnels", {"file": 3}, "file: expected a path"),
        ("convex_pairs", {"dim": 0}, "dim: expected a whole number >= 1"),
        ("convex_pairs", {"seed": 1.5}, "seed: expected a whole number"),
        ("convex_pairs", {"file": "/no/such.npz"}, "file: expected a file, got '/no/such.npz'"),
        ("convex_pairs", {"file": 3}, "file: expected a path"),
        ("image_batches", {"dataset": "mnits"}, "did you mean 'mnist'"),
        ("image_batches", {"split": "half"}, "split of digits: expected one of all"),
        ("blurred_images", {"passes": 0}, "passes: expected a whole number >= 1"),
        ("translated_images", {"shift": [1.0, 2.0]}, "shift: expected 64 components"),
        ("translated_images", {"shift": math.inf}, "shift: expected a finite number"),
        ("funnel_images", {"width": 0}, "width: expected a whole number >= 1"),
        ("funnel_images", {"power": 0.5}, "power: expected a finite number >= 1"),
        ("funnel_images", {"dataset": "mnits"}, "did you mean 'mnist'"),
        ("own_data", {"transform": "rotate"}, "transform: expected one of translate"),
        ("own_data", {"factor": 2.0}, "factor: expected none with transform 'translate'"),
        (
            "own_data",
            {"transform": "dilate", "factor": -1},
            "factor: expected a finite number >= 0",
        ),
        ("own_data", {"transform": "dilate", "center": [0.0]}, "center: expected 64 components"),
        ("own_data", {"transform": "funnels", "power": 0}, "power: expected a finite number >= 1"),
        ("own_data", {"transform": "funnels", "samples": np.ones((4, 2))}, "rows that differ"),
        ("own_data", {"samples": ROWS[:, 0]}, r"samples: expected shape \(n, d\).*reshape"),
        ("own_data", {"samples": np.where(ROWS > 2, np.nan, ROWS)}, "expected finite numbers"),
        ("own_data", {"samples": "rows.parquet"}, "samples: expected a file"),
    ],
)
def test_bad_parameters_are_named_in_one_line(name, parameters, expected):
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=expected) as caught:
        wb.tasks.get(name, **parameters)
    assert "\n" not in str(caught.value)


def save(path, content):
    if path.suffix == ".csv":
        path.write_text(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    return str(path)


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("a.csv", "1,2\n3,dog\n", "a.csv.*got 'dog' in row 2, column 2"),
        ("a.csv", "1,2\n3,4,5\n", "the same number of comma-separated values"),
        ("a.csv", "1,2\n3,\n", "expected finite numbers, got NaN or inf in 1 of 2"),
        ("a.csv", "", "expected a table of numbers"),
        ("a.csv", "u,v\n1,dog\n", "got 'dog' in row 2, column 2"),
        ("a.npy", b"not numpy", "expected a readable NumPy file"),
        ("a.npy", np.array([{}, 1], object), "expected a readable NumPy file"),
        ("a.npy", np.zeros(3), r"expected shape \(n, d\)"),
        ("a.npz", b"PK\x03\x04broken", "expected a readable NumPy file"),
        ("a.npz", {"u": ROWS, "v": ROWS}, "the key 'samples', got the keys u, v"),
        ("a.txt", b"1 2", ".npy, .npz, .csv, .tsv, .parquet, got 'a.txt'"),
    ],
)
def test_bad_sample_files_are_named_in_one_line(tmp_path, file, content, expected):
    path = save(tmp_path / file, content)
    with pytest.raises((ValueError, TypeError), match=expected) as caught:
        wb.tasks.get("own_data", samples=path)
    assert "\n" not in str(caught.value)


PAIR = {
    "centers": np.array([[0.0, 1.0], [1.0, -1.0]], np.float32),
    "bias": np.array([0.1, 0.0], np.float32),
    "dim": 2,
    "width": 2,
    "deg": 8,
    "semi_length": 2.5,
    "seed": 987,
}


@pytest.mark.parametrize(
    ("changes", "parameters", "expected"),
    [
        ({"bias": None}, {}, "expected the keys centers, bias.*missing bias"),
        ({"bias": np.zeros(3)}, {}, "expected one bias per center, 2, got 3"),
        ({"centers": np.full((2, 2), np.nan)}, {}, "centers of .*expected finite numbers"),
        ({"dim": 3}, {}, "dim: expected 2, the shape of centers"),
        ({"semi_length": 0.0}, {}, "semi_length of .*expected a finite number > 0"),
        ({}, {"dim": 3}, "leave dim out beside file"),
        ({}, {"seed": 1}, "seed: expected none beside file"),
    ],
)
def test_bad_pair_files_are_named_in_one_line(tmp_path, changes, parameters, expected):
    content = {key: v for key, v in (PAIR | changes).items() if v is not None}
    path = save(tmp_path / "pair.npz", content)
    with pytest.raises(ValueError, match=expected) as caught:
        wb.tasks.get("funnels", file=path, **parameters)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", OURS)
def test_a_task_survives_pickling_and_samples_the_same(name):
    task = wb.tasks.get(name)
    copy = pickle.loads(pickle.dumps(task))
    assert copy == task == wb.tasks.get(name)
    assert hash(copy) == hash(task)
    for ours, theirs in zip(*(t.sample(jax.random.key(1), 9) for t in (task, copy)), strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_own_data_is_identified_by_content(tmp_path):
    csv_text = "\n".join(",".join(map(repr, map(float, row))) for row in ROWS)
    routes = [
        ROWS,
        ROWS.tolist(),
        jnp.asarray(ROWS.astype(np.float32)),
        save(tmp_path / "a.npy", ROWS),
        save(tmp_path / "b.npz", {"samples": ROWS, "labels": np.zeros(30)}),
        save(tmp_path / "c.csv", csv_text),
        save(tmp_path / "d.csv", "u,v,w\n" + csv_text),
    ]
    tasks = [wb.tasks.get("own_data", samples=route) for route in routes]
    same = tasks[:2] + tasks[3:]
    assert all(task == tasks[0] and hash(task) == hash(tasks[0]) for task in same)
    assert tasks[2] != tasks[0]  # rounded to float32
    assert wb.tasks.get("own_data", samples=ROWS, shift=2.0) != tasks[0]
    np.save(tmp_path / "a.npy", ROWS + 1e-9)
    assert wb.tasks.get("own_data", samples=str(tmp_path / "a.npy")) != tasks[0]


def test_funnels_are_identified_by_content(tmp_path):
    first = wb.tasks.get("funnels", file=save(tmp_path / "a.npz", PAIR))
    second = wb.tasks.get("funnels", file=save(tmp_path / "b.npz", PAIR | {"seed": 1}))
    other = wb.tasks.get("funnels", file=save(tmp_path / "c.npz", PAIR | {"bias": np.zeros(2)}))
    assert first == second != other
    assert hash(first) == hash(second)
    assert (first.dim, first.width, first.power) == (2, 2, 8)
    assert wb.tasks.get("funnels", file=str(tmp_path / "a.npz"), power=2) != first
    assert wb.tasks.get("funnels", seed=1) != wb.tasks.get("funnels", seed=2)


def test_files_are_found_below_the_data_folder(tmp_path, monkeypatch):
    save(tmp_path / "rows.npy", ROWS)
    monkeypatch.setenv("WDIST_BENCH_DATA", str(tmp_path))
    assert wb.tasks.get("own_data", samples="rows.npy") == wb.tasks.get("own_data", samples=ROWS)


def test_arrays_lists_and_tuples_make_the_same_task():
    """Tasks are keys of caches and journals, so they must be hashable and equal by content."""
    large = np.eye(80)  # more entries than become a tuple
    zero = np.zeros(80)
    one, two = (
        wb.tasks.get("gaussians", mean_x=zero, cov_x=large, mean_y=zero + 1, cov_y=4 * large)
        for _ in range(2)
    )
    assert one == two
    assert hash(one) == hash(two)
    assert one.truth(2).value == pytest.approx(math.sqrt(160))
    params = {"law": "ball", "radius": 1.0}
    kind = wb.tasks.factory("radial")
    assert kind(x=params) == wb.tasks.get("radial", x=params) == kind(x=tuple(params.items()))
    assert wb.tasks.get("point_mass", at=np.zeros(5000)).dim == 5000
    shift = np.full(5000, 0.5)
    assert wb.tasks.get("gaussian_shift", dim=5000, shift=shift).shift == tuple(shift.tolist())


def test_large_arrays_are_parameters_by_content():
    large = np.arange(6000.0).reshape(2000, 3)
    frozen = freeze(large)
    assert isinstance(frozen, FrozenArray)
    assert frozen == freeze(large.copy()) != freeze(large + 1)
    assert freeze(frozen) is frozen
    large[0] = 9  # the parameter is a copy
    assert np.asarray(frozen)[0, 1] == 1
    with pytest.raises(ValueError, match="read-only"):
        frozen.values[0] = 1
    task = wb.tasks.get("weighted_points", x=large, y=large[:5], a=None, b=None)
    assert hash(task) == hash(wb.tasks.get("weighted_points", x=large, y=large[:5], a=None, b=None))


def test_own_data_keeps_its_digits_far_from_the_origin():
    task = wb.tasks.get("own_data", samples=ROWS + 1e8, shift=1e-3)
    x, y = task.pairs(jax.random.key(0), 10)
    np.testing.assert_allclose(np.asarray(y) - np.asarray(x), 1e-3, rtol=1e-4)
    assert task.truth(1).value == pytest.approx(1e-3 * math.sqrt(3))


def test_equal_images_are_at_distance_zero_for_distances_alone():
    """A caller's cost may be above 0 between equal points."""
    task = wb.tasks.get("image_batches")
    assert task.truth(wb.Cost(1.5, "cosine")).value == 0
    assert task.truth(Pairwise(lambda x, y: np.ones((len(x), len(y))))) is None


def test_translated_images_come_from_disjoint_images():
    task = wb.tasks.get("translated_images", shift=0.5)
    x, y = (np.asarray(v) for v in task.sample(jax.random.key(4), 898))
    pixels = wb.tasks.get("image_batches").sampler().images
    _, counts = np.unique(np.asarray(pixels), axis=0, return_counts=True)
    together = np.unique(np.round((np.concatenate([x, y - 0.5]) + 1) * 8), axis=0)
    assert len(together) >= 1796 - (counts - 1).sum()
    with pytest.raises(ValueError, match="at most 898 points"):
        task.sample(jax.random.key(4), 899)


def test_the_blur_is_symmetric_and_semi_definite_and_optimal_at_p_2_alone():
    """The conditions of its truth, on images of one and of three channels."""
    for shape in ((5, 7), (4, 6, 3)):
        blur, size = Blur(shape, 3), math.prod(shape)
        matrix = blur.move(np.eye(size))
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-15)
        assert np.linalg.eigvalsh(matrix).min() > -1e-15
        np.testing.assert_allclose(matrix.sum(0), 1)
    task = wb.tasks.get("blurred_images")
    assert task.pairs(jax.random.key(0), 5, 1) is None
    assert task.potential(np.ones((2, 64)), 1) is None
    assert task.truth(1) is None
    assert task.truth(2, "l1") is None
    x, y = (np.asarray(v, float) for v in task.pairs(jax.random.key(1), 400, 2))
    exact = wb.estimate(x, y, p=2).value
    assert exact == pytest.approx(np.sqrt(((x - y) ** 2).sum(1).mean()), rel=1e-9)
