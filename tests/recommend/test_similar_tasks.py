"""Tasks made of a user's rows: their distances by other routes, and what they look like."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wdist_bench.costs import Cost
from wdist_bench.recommend.likeness import alike, exact_value, look
from wdist_bench.recommend.similar_tasks import first_passed, similar_tasks, task_sizes
from wdist_bench.recommend.task_maps import Images
from wdist_bench.recommend.task_weights import FewPoints, Frequencies
from wdist_bench.tasks.transforms import Split, Step


def normals(seed, n, dim, shift=0.0):
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    rows[:, 0] += shift
    return rows


def categories(seed, n, weights):
    weights = np.array(weights, float) / np.sum(weights)
    return np.eye(len(weights))[np.random.default_rng(seed).choice(len(weights), n, p=weights)]


@pytest.mark.parametrize("p", [1, 2])
def test_pushing_halves_apart_is_optimal(p):
    # the LP knows nothing of the proof by projection
    rows = normals(0, 60, 3)
    split = Split(0.7, np.array([0.6, 0.8, 0.0]), 0.1)
    assert exact_value(rows, split.move(rows), Cost(p)) == pytest.approx(0.7, rel=1e-9)
    assert split.distance(rows, Cost(p)) == 0.7


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("before", "after"), [(math.inf, 0.9), (0.4, -0.2)])
def test_moving_what_lies_beyond_a_plane_is_optimal(p, before, after):
    rows = normals(0, 150, 3)
    direction = np.array([0.6, 0.8, 0.0])
    x, y = (Step(7.0, direction, offset).move(rows) for offset in (before, after))
    heights = rows @ direction
    share = ((heights >= after) & (heights < before)).mean()
    assert exact_value(x, y, Cost(p)) == pytest.approx(7.0 * share ** (1 / p), rel=1e-9)


def test_frequencies_have_the_distance_of_their_laws():
    # one-hot: W_p^p = 2^(p/2) times the total variation; samples come from those laws
    law = Frequencies(np.eye(3), np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]))
    assert law.truth(1) == pytest.approx(math.sqrt(2) * 0.3)
    assert law.truth(2) == pytest.approx(math.sqrt(2 * 0.3))
    x, y = law.draw(np.random.default_rng(0), 20_000, 20_000)
    assert x.mean(0) == pytest.approx([0.5, 0.3, 0.2], abs=0.02)  # 5 standard errors
    assert y.mean(0) == pytest.approx([0.2, 0.3, 0.5], abs=0.02)


def test_samples_share_no_row():
    rows = np.arange(20.0).reshape(-1, 1)
    x, y = Images(rows, rows + 100, lambda p: 100.0).draw(np.random.default_rng(0), 8, 8)
    assert not set(x.ravel()) & set(y.ravel() - 100)


@pytest.mark.parametrize("p", [1, 2])
def test_tasks_have_the_distance_that_is_asked_for(p):
    x, y = normals(2, 160, 4), normals(3, 200, 4, shift=2.0)
    similar = similar_tasks(x, y, Cost(p), 1000, 0, distance=2.0)
    families = {task.family for task in similar.tasks}
    assert families >= {"translate", "weights"}
    assert {task.base for task in similar.tasks} == {"x", "y"}
    for task in similar.tasks:
        assert task.truth == pytest.approx(2.0, rel=0.1)
        # the truth, from the coupling (row, image) that the map makes: the LP on it
        rows, images = task.pair.rows[:80], task.pair.images[:80]
        lengths = np.linalg.norm(rows - images, axis=1)
        part = float(np.mean(lengths**p) ** (1 / p))
        assert exact_value(rows, images, Cost(p)) == pytest.approx(part, rel=1e-6)
        lengths = np.linalg.norm(task.pair.rows - task.pair.images, axis=1)
        assert task.truth == pytest.approx(np.mean(lengths**p) ** (1 / p), rel=1e-9)
    # families in turn, so that the first few runs see all of them
    assert len({task.family for task in similar.tasks[: len(families)]}) == len(families)


def test_a_pair_that_is_very_far_apart_has_its_translation():
    x, y = normals(0, 60, 2), 1e7 + normals(1, 60, 2)
    similar = similar_tasks(x, y, Cost(), 1000, 0, distance=math.sqrt(2) * 1e7)
    found = [task for task in similar.tasks if task.family == "translate"]
    assert [task.truth for task in found] == pytest.approx([math.sqrt(2) * 1e7] * 2, rel=0.01)


@pytest.mark.parametrize(("p", "last"), [(1, "funnels"), (2, "split")])
def test_without_a_pair_all_families_are_there_at_shares_of_the_spread(p, last):
    x = normals(4, 80, 3)
    similar = similar_tasks(x, None, Cost(p), 1000, 0)
    families = ["translate", "dilate", "contaminate", "weights", last]
    assert [task.family for task in similar.tasks] == 2 * families
    assert (similar.n, similar.m) == (40, 40)
    spread = np.linalg.norm(x - x.mean(0), axis=1).mean()
    found = [task.truth / spread for task in similar.tasks]
    assert found == pytest.approx([0.25] * 5 + [1.0] * 5, rel=0.11)  # some cannot do all of it


@pytest.mark.parametrize(
    ("n", "m", "rows", "expected"),
    [
        (100, 100, 1000, (50, 50, ("x", "y"))),
        (5000, 5000, 1000, (1000, 1000, ("x", "y"))),
        (120, 60, 1000, (40, 20, ("x", "y"))),
        (2000, 40, 5000, (1960, 39, ("x",))),  # y alone could give one row of 40
        (10**6, 500, 1000, (1000, 500, ("x",))),
    ],
)
def test_sizes_keep_the_proportion_and_fit_into_the_bases(n, m, rows, expected):
    size_n, size_m, bases = task_sizes(n, m, rows)
    assert (size_n, size_m, bases) == expected
    for name in bases:
        assert size_n + size_m <= {"x": n, "y": m}[name]


def test_few_points_are_those_that_repeat_themselves():
    coin = np.arange(40).reshape(-1, 1) % 2.0
    found = FewPoints.of({"x": coin, "y": coin[:30]})
    assert found.points.tolist() == [[0.0], [1.0]]
    assert found.weights["y"] == pytest.approx([0.5, 0.5])
    assert FewPoints.of({"x": normals(0, 40, 1)}) is None


def test_tasks_on_few_points_change_frequencies_and_none_moves_points():
    x, y = categories(0, 200, [4, 3, 1, 1, 1]), categories(1, 200, [1, 1, 1, 3, 4])
    similar = similar_tasks(x, y, Cost(1), 1000, 0, distance=0.6)
    assert {task.family for task in similar.tasks} <= {"reweight", "tilt"}
    assert len(similar.tasks) >= 3
    assert "translate of x" in similar.unlike
    support = {tuple(row) for row in np.eye(5)}
    for rows in similar.tasks[0].pair.draw(np.random.default_rng(0), 50, 60):
        assert {tuple(row) for row in rows} <= support


def test_samples_of_a_translation_do_not_look_like_changed_weights():
    far = np.random.default_rng(3).uniform(size=(80, 1)) < 0.5
    few = np.random.default_rng(4).uniform(size=(80, 1)) < 0.2
    base = normals(0, 80, 2)
    clusters = [look(base + 20 * far, normals(1, 80, 2) + 20 * few, Cost(1))]
    moved = [look(base, normals(1, 80, 2, clusters[0].value), Cost(1))]
    assert moved[0].value == pytest.approx(clusters[0].value, rel=0.1)
    assert alike(clusters, clusters)
    assert not alike(clusters, moved)
    nearer = [look(base, normals(1, 80, 2, clusters[0].value / 2), Cost(1))]
    assert not alike(moved, nearer)


def test_strengths_are_found_by_interpolation():
    assert first_passed(lambda t: t**2, 2.0, (1.0, 2.0, 4.0)) == pytest.approx(2**0.5, rel=0.01)
    assert first_passed(lambda t: t, 9.0, (1.0, 4.0)) is None
    assert first_passed(lambda t: t, 4.2, (1.0, 4.0)) == 4.0  # nearly
    assert first_passed(lambda t: 1 + t, 0.5, (1.0, 4.0)) is None  # passed before it begins


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("rare", ["x", "y", "both", "alone"])
def test_events_that_no_drawn_row_has_leave_a_base_without_maps(p, rare):
    events, rows = np.zeros((20_000, 1)), normals(0, 20_000, 1)
    events[7_777] = 1.0
    pair = {"x": (events, rows), "y": (rows, events), "both": (events, events[::-1]),
            "alone": (events, None)}[rare]  # fmt: skip
    similar = similar_tasks(*pair, Cost(p), 50, 0, None if rare == "alone" else 0.8)
    for name, base in zip("xy", pair, strict=True):
        assert (f"maps of {name}" in similar.unlike) == (base is not None and base is not rows)
    if rare in "xy":
        assert {task.base for task in similar.tasks} == {"y" if rare == "x" else "x"}
