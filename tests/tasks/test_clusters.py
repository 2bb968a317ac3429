"""Clusters: whatever is accepted, no plan beats the formula."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(2, 4), st.floats(0, 0.8))
def test_accepted_clusters_cannot_be_beaten(seed, dim, count, radius):
    generator = np.random.default_rng(seed)
    centers = generator.uniform(-4, 4, (count, dim))
    moves = generator.normal(size=(count, dim)) * generator.choice([0.0, 0.5, 1.5], (count, 1))
    weights = generator.dirichlet(np.ones(count))
    try:
        task = wb.tasks.get(
            "clusters", centers=centers, moves=moves, radius=radius, weights=weights
        )
    except ValueError as error:
        assume("exchange" not in str(error))
        raise
    direction = generator.normal(size=(count, 12, dim))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    x = centers[:, None] + radius * direction  # on the surfaces, where exchanges are cheapest
    y = x + moves[:, None]
    mass = np.repeat(weights / 12, 12)
    for p, norm in itertools.product((1, 2, 1.5, 3), ("l2", "l1", "linf")):
        truth = task.truth(p, norm)
        assert truth is not None or norm != "l2" or p not in (1, 2)
        if truth is not None:
            matrix = Cost(p, norm).matrix(x.reshape(-1, dim), y.reshape(-1, dim))
            plan = solve_exact(matrix, mass, mass)
            assert plan.cost == pytest.approx(truth.value**p, rel=1e-8, abs=1e-10)


def test_the_example_is_known_in_every_norm():
    """Far enough apart for all of them, so that the test above has something to hold."""
    task = wb.tasks.get("clusters")
    for p, norm in itertools.product((1, 1.5, 2, 3), ("l1", "linf")):
        order = {"l1": 1, "linf": math.inf}[norm]
        paid = np.linalg.norm(task.moves, order, axis=1) ** p @ np.array(task.weights)
        assert task.truth(p, norm).value == pytest.approx(paid ** (1 / p), rel=1e-12)


def test_refused_clusters_can_be_beaten():
    """Three point masses on a circle, each moved by more than half way to the next: going back
    is shorter. The condition sees the cycle of three, not only exchanges of two.
    """
    angles = np.array([0, 2, 4]) * math.pi / 3
    centers = np.stack([np.cos(angles), np.sin(angles)], 1)
    moves = 0.7 * (np.roll(centers, -1, 0) - centers)
    with pytest.raises(ValueError, match="exchange"):
        wb.tasks.get("clusters", centers=centers, moves=moves, radius=0.0, weights=None)
    beaten = solve_exact(Cost(1).matrix(centers, centers + moves)).cost
    assert beaten < 0.6 * np.linalg.norm(moves, axis=1).mean()


def test_refused_although_no_whole_ball_gains():
    """Every target of a ball is further from the other ball than its own move, yet chains of
    points through both balls do better: distances between balls alone do not decide.
    """
    centers = np.array([[-3.0, -1.0], [-4.0, 3.0]])
    moves = np.array([[-1.0, 1.0], [1.0, 0.0]])
    own = np.linalg.norm(moves, axis=1).sum()
    across = np.linalg.norm(centers - np.roll(centers + moves, 1, 0), axis=1) - 2
    assert across.sum() > own
    with pytest.raises(ValueError, match="exchange"):
        wb.tasks.get("clusters", centers=centers, moves=moves, radius=1.0, weights=None)
    turn = 2 * np.pi * np.arange(24) / 24
    x = centers[:, None] + np.stack([np.cos(turn), np.sin(turn)], 1)
    y = x + moves[:, None]
    assert solve_exact(Cost(1).matrix(x.reshape(-1, 2), y.reshape(-1, 2))).cost < 0.995 * own / 2


@pytest.mark.parametrize("scale", [1.0, 1e-5, 1e-10, 1e-200])
def test_the_unit_does_not_decide_what_is_accepted(scale):
    """Room for rounding that did not scale with the costs let any plan pass at small ones."""
    right = {"centers": [[0.0], [scale]], "moves": [[scale / 4], [0.0]]}
    task = wb.tasks.get("clusters", **right, radius=scale / 8, weights=None)
    assert task.truth(1).value == pytest.approx(scale / 8, abs=0)
    for moves in ([[2 * scale], [0.0]], [[scale], [-scale]]):
        with pytest.raises(ValueError, match="exchange"):
            wb.tasks.get("clusters", **right | {"moves": moves}, radius=0.0, weights=None)


def test_many_clusters_hide_no_exchange():
    """402 of them, moved by 6: at p = 7 the first two save by an exchange of their targets."""
    far = [[100.0 * (k + 1), 0.0] for k in range(400)]
    task = wb.tasks.get(
        "clusters", centers=[[0, 2], [0, 0], *far], moves=[[6, -1.99], [1, 0], *[[6, 0]] * 400],
        weights=[0.45, 0.45, *[0.1 / 400] * 400], radius=0.0,
    )  # fmt: skip
    assert task.truth(2) is not None
    assert task.truth(7) is None


def test_a_common_translation_is_accepted_wherever_it_goes():
    """Costs cancel along its cycles, down to rounding of the largest."""
    rng = np.random.default_rng(2)
    for offset, move in ((0.0, 1e3), (1e7, 1.0), (0.0, 1e-3)):
        moves = np.full((20, 2), move) * [1.0, 0.3]
        centers = offset + rng.uniform(-1, 1, (20, 2))
        task = wb.tasks.get("clusters", centers=centers, moves=moves, radius=0.0, weights=None)
        for p in (1, 1.5, 2, 7):
            assert task.truth(p).value == pytest.approx(move * 1.09**0.5, rel=1e-12)
