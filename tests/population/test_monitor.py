"""Readings of a training loop: against the calls they are made of, for every kind of array."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import wdist_bench as wb


def rows(seed, n=60, moved=0.0):
    return np.random.default_rng(seed).normal(size=(n, 3)) + moved


def test_a_reading_is_the_interval_beside_the_floor_of_real_rows():
    held_out, real, generated = rows(0), rows(1), rows(2, moved=2)
    watch = wb.monitor(held_out, real)
    reading = watch(generated)
    interval = wb.population_interval(generated, held_out)
    assert (reading.lower, reading.upper) == interval.interval
    assert reading.value == interval.value
    assert reading.distance == wb.estimate(generated, held_out).value
    assert reading.floor == watch.floor.distance == wb.estimate(real, held_out).value
    assert watch.floor.floor == watch.floor.distance
    assert reading.told_apart
    assert not watch.floor.told_apart


def test_without_other_real_rows_the_held_out_ones_are_parted():
    held_out = rows(0, n=81)
    watch = wb.monitor(held_out, p=2)
    assert watch.rows == 40
    again = wb.monitor(held_out, p=2)
    assert again.floor == watch.floor
    assert wb.monitor(held_out, p=2, seed=1).floor != watch.floor


def test_a_perfect_generator_reads_about_the_floor_and_is_rarely_told_apart():
    """40 fresh samples of the same law: the ratio to the floor, and at 90 % at most 9 intervals
    without 0, which 5 % of each side would exceed once in 3,000. It catches gross errors alone:
    with 15 % on a side it passes in nine of ten.
    """
    watch = wb.monitor(rows(0, n=200), rows(1, n=200), level=0.9)
    found = [watch(rows(seed, n=200)) for seed in range(2, 42)]
    ratios = [reading.distance / reading.floor for reading in found]
    assert np.mean(ratios) == pytest.approx(1, abs=0.15)
    assert sum(reading.told_apart for reading in found) <= 9


def test_more_rows_than_a_reading_takes_are_drawn_from():
    watch = wb.monitor(rows(0, n=90), rows(1, n=90), rows=30)
    assert watch.rows == 30
    large = rows(2, n=80)
    assert watch(large) == watch(large, step=0)
    assert watch(large[:30]).distance != watch.history[0].distance


class Tensor:
    """What a tensor of PyTorch that needs a gradient does, which NumPy alone cannot read."""

    def __init__(self, values, attached=True):
        self.values, self.attached = values, attached

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self):
        return Tensor(self.values, False)

    def cpu(self):
        return self

    def double(self):
        return self

    def numpy(self):
        assert not self.attached
        return np.asarray(self.values, np.float64)


def test_arrays_of_every_library_read_alike():
    generated = rows(2, moved=1).astype(np.float32)
    watch = wb.monitor(rows(0), rows(1))
    found = [watch(kind(generated), step=0) for kind in (np.asarray, jnp.asarray, Tensor)]
    assert found[0] == found[1] == found[2]


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    generated = torch.tensor(rows(2, moved=1), requires_grad=True)
    watch = wb.monitor(torch.tensor(rows(0)), torch.tensor(rows(1)))
    assert watch(generated, step=0) == watch(rows(2, moved=1), step=0)


def test_rows_that_diverged_are_a_reading_and_the_loop_goes_on():
    watch = wb.monitor(rows(0), rows(1))
    bad = rows(2)
    bad[3] = np.nan
    reading = watch(bad, step=7)
    assert (reading.status, reading.step) == ("diverged", 7)
    assert math.isnan(reading.distance)
    assert reading.floor == watch.floor.distance
    assert watch(rows(3)).status == "ok"
    assert "diverged" in str(reading)


def test_the_history_is_a_frame():
    watch = wb.monitor(rows(0), rows(1))
    assert list(watch.to_frame()) == [*wb.population.monitor.Reading.__dataclass_fields__,
                                      "told_apart"]  # fmt: skip
    for epoch in (10, 20):
        watch(rows(epoch, moved=40 / epoch), step=epoch)
    frame = watch.to_frame()
    assert frame["step"].tolist() == [10, 20]
    assert frame["distance"].tolist() == [reading.distance for reading in watch.history]
    assert (frame["floor"] == watch.floor.distance).all()
    assert frame["told_apart"].tolist() == [True, True]


def named(seed, columns="abc", moved=0.0):
    return pd.DataFrame((rows(seed) + moved) * [1, 5, 9], columns=list(columns))


def test_columns_are_matched_by_name_as_everywhere():
    held_out, real, generated = named(0), named(1), named(2, moved=1)
    turned = ["c", "a", "b"]
    watch = wb.monitor(held_out, real[turned])
    assert watch.floor == wb.monitor(held_out, real).floor
    assert watch(generated[turned], step=0) == watch(generated, step=0)
    assert watch(generated.to_numpy(), step=0) == watch(generated, step=0)  # no names: by position
    halves = wb.monitor(held_out)
    assert halves(generated[turned], step=0) == halves(generated, step=0)
    by_real = wb.monitor(held_out.to_numpy(), real)
    assert by_real(generated[turned], step=0) == by_real(generated, step=0)


def test_other_columns_are_refused_as_everywhere():
    watch = wb.monitor(named(0), named(1))
    for given in (named(2, "abd"), named(2) * np.nan):
        given.columns = list("abd")
        with pytest.raises(ValueError, match="held_out and generated: expected the same columns"):
            watch(given)
    with pytest.raises(ValueError, match="held_out and real: expected the same columns"):
        wb.monitor(named(0), named(1, "xyz"))
    assert watch.history == []


def test_rows_too_far_away_are_a_reading_and_the_loop_goes_on():
    watch = wb.monitor(rows(0), rows(1), p=2)
    reading = watch(rows(2) * 1e200)
    assert (reading.status, reading.told_apart) == ("diverged", None)
    assert "float64" in reading.message


def pareto(seed):
    return 1 + np.random.default_rng(seed).pareto(0.9, size=(300, 1))


def test_a_refused_interval_keeps_its_lower_end():
    held_out, generated = pareto(0), -2000 - pareto(2)
    reading = wb.monitor(held_out, pareto(1))(generated)
    interval = wb.population_interval(generated, held_out)
    assert (reading.status, interval.status) == ("refused", "refused")
    assert reading.lower == interval.lower > 20
    assert reading.told_apart
    assert f"at least {interval.lower:.4g} at 95 %" in str(reading)


def test_without_a_lower_end_nobody_can_tell():
    held_out = rows(0)
    watch = wb.monitor(held_out, rows(1))
    copied = watch(held_out)
    assert (copied.status, copied.told_apart) == ("refused", None)
    assert "share 60 rows" in copied.message
    assert watch(held_out * np.nan).told_apart is None
    assert watch.to_frame()["told_apart"].tolist() == [None, None]


@pytest.mark.parametrize("given", [rows(0), np.round(rows(0)), rows(0)[::-1], rows(3, n=90)])
def test_held_out_rows_among_the_real_ones_have_no_floor(given):
    real = np.concatenate([given, rows(1)]) if len(given) == 90 else given
    held_out = given[::-1] if given.strides[0] < 0 else given
    with pytest.raises(ValueError, match="held_out and real: expected different rows, got"):
        wb.monitor(held_out, real)


def test_what_has_no_distance_has_no_floor():
    with pytest.raises(ValueError, match="held_out and real: expected rows whose distance"):
        wb.monitor(np.zeros((50, 1)), np.ones((50, 1)))


def test_a_step_may_have_any_name():
    watch = wb.monitor(rows(0), rows(1))
    assert watch(rows(2, moved=1), step="floor").floor == watch.floor.distance


@pytest.mark.parametrize(
    "given", [np.full((60, 7), np.nan), np.full((5, 3), np.nan), np.full(60, np.nan)]
)
def test_shape_and_number_are_looked_at_before_values(given):
    watch = wb.monitor(rows(0), rows(1))
    with pytest.raises(ValueError, match="generated: expected"):
        watch(given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: wb.monitor(rows(0, n=30)), "held_out: expected 40 rows at least"),
        (lambda: wb.monitor(rows(0), rows(1)[:, :2]), "expected equal dimensions"),
        (lambda: wb.monitor(rows(0), rows=10), "rows: expected"),
        (lambda: wb.monitor(rows(0), p=3), "population_interval"),
        (lambda: wb.monitor(rows(0), level=95), "level: expected"),
        (lambda: wb.monitor(rows(0), rows(1))(rows(2)[:, :2]), "expected equal dimensions"),
        (lambda: wb.monitor(rows(0), rows(1))(rows(2)[:50]), "generated: expected 60 rows"),
    ],
)
def test_bad_input_is_told_what_was_expected(given, words):
    with pytest.raises(ValueError, match=words):
        given()
