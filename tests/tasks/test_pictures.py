"""Pictures as masses on a grid: their classes, their photons, what is refused."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import wdist_bench as wb

KINDS = ("noise", "shapes", "blobs", "photographs")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [7, 32])
def test_masses_lie_on_the_pixels_of_the_unit_square(kind, size):
    x, y, a, b = wb.tasks.get("pictures", kind=kind, size=size).measures()
    for places, masses in ((x, a), (y, b)):
        pixels = places * size - 0.5
        np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-9)
        assert len({tuple(row) for row in np.rint(pixels)}) == len(places)
        assert masses.sum() == pytest.approx(1, abs=1e-12)
        assert masses.min() > 0
    assert len(x) == size**2 or kind == "shapes"
    assert kind != "shapes" or np.ptp(a) == pytest.approx(0, abs=1e-15)  # black or white


def test_photons_fall_where_the_light_is():
    task = wb.tasks.get("pictures", kind="shapes", size=8, seed=1)
    x, _, a, _ = task.measures()
    drawn, _ = task.sample(jax.random.key(0), 20_000)
    places = {
        tuple(np.rint(row * 8 - 0.5).astype(int)): mass for row, mass in zip(x, a, strict=True)
    }
    rows, counts = np.unique(
        np.rint(np.asarray(drawn) * 8 - 0.5).astype(int), axis=0, return_counts=True
    )
    assert {tuple(row) for row in rows} == set(places)
    share = np.array([places[tuple(row)] for row in rows])
    # Within 5 standard errors each.
    assert (np.abs(counts / 20_000 - share) < 5 * np.sqrt(share / 20_000)).all()


def test_pictures_of_few_pixels_have_light():
    """Shapes may all lie between the centres of four."""
    for seed in range(100):
        x, y, a, b = wb.tasks.get("pictures", kind="shapes", size=2, seed=seed).measures()
        assert min(len(x), len(y)) > 0
        assert a.sum() == b.sum() == 1


def test_seeds_and_kinds_give_other_pictures_and_the_truth_ends_at_32():
    values = {wb.tasks.get("pictures", kind=kind, seed=seed).truth(2).value
              for kind in KINDS for seed in (0, 1)}  # fmt: skip
    assert len(values) == 8
    large = wb.tasks.get("pictures", size=33)
    assert large.truth(2) is None
    assert large.pairs(jax.random.key(0), 3, 2) is None
    with pytest.raises(ValueError, match="kind"):
        wb.tasks.get("pictures", kind="cats")
    with pytest.raises(ValueError, match="at most 427 pixels"):
        wb.tasks.get("pictures", kind="photographs", size=428).measures()


@pytest.mark.slow
def test_a_large_picture_against_its_own_linear_programme():
    """64 x 64: along arcs with weights, against the flow from pixel to pixel."""
    from wdist_bench.cards.routes.grids import picture_flow

    task = wb.tasks.get("pictures", kind="blobs", size=64)
    x, y, a, b = task.measures()
    found = wb.estimate(x, y, "bracket", a=a, b=b, p=1, norm="l1", rtol=1e-6)
    value, _ = picture_flow(task, wb.Cost(1, "l1"))
    assert found.lower * (1 - 1e-7) <= value <= found.upper * (1 + 1e-7)
