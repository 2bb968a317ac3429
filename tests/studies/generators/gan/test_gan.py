"""The GAN experiment as a whole, on the digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wdist_bench import experiment
from wdist_bench.results.journal import unpack
from wdist_bench.runs.suite import load_suite
from wdist_bench.studies.generators.data import Restriction, real_side
from wdist_bench.studies.generators.training.gan_training import geometric_snapshots

ZEROS = Restriction("digits", classes=(0,))
SUITE = Path(__file__).parents[4] / "benchmarks" / "gan.toml"
TINY = {"steps": 3, "runs": 2, "hidden": (6,), "latent": 4, "n": 32, "watched": 16, "shown": 4}


def gan(loss, **options):
    return experiment.get("gan", **{"dataset": "digits", "classes": (0,), "loss": loss} | options)


def timeless(record):
    return {k: v for k, v in record.items() if not k.endswith("_seconds")}


@pytest.mark.slow
def test_a_wgan_brings_the_exact_distance_down_to_near_the_floor():
    record = gan("gradient_penalty", steps=400, rate=3.0, n=64).run()
    assert record["status"] == "ok"
    assert record["failed"] == 0
    assert record["runs"] == 4
    along, end = unpack(record["w1_along"]), unpack(record["w1"])
    start = along[:, 0]
    # four runs fall by more than half, ten times further than the runs differ
    assert (end < start / 2).all()
    assert (start - end).mean() > 10 * (start - end).std(ddof=1)
    assert (end < 1.35 * unpack(record["floor"])).all()
    assert (unpack(record["covered"]) == 1).all()
    # its dual value is not W1: soft penalties overshoot or lag, so it is measured, not assumed
    assert unpack(record["values"]).shape == unpack(record["exact"]).shape == (4, 1)


@pytest.mark.slow
def test_the_seed_fixes_everything_and_the_loss_does_not_choose_the_data():
    first, again = gan("c_transform", **TINY).run(), gan("c_transform", **TINY).run()
    assert timeless(first) == timeless(again)
    assert real_side(ZEROS, 0, 2, 0, 32, 16).floor == pytest.approx(first["floor"][0])
    assert real_side(ZEROS, 1, 2, 0, 32, 16).floor != pytest.approx(first["floor"][0])
    rival = gan("weight_clipping", **TINY).run()
    assert rival["floor"] == first["floor"]
    assert rival["real"] == first["real"]
    # the untrained generators and their first images are the same, so W1 starts level
    assert [row[0] for row in rival["w1_along"]] == [row[0] for row in first["w1_along"]]
    assert rival["w1"] != first["w1"]
    # a c-transform never exceeds the exact value of its batch
    assert (unpack(first["values"]) <= unpack(first["exact"]) * (1 + 1e-5)).all()


@pytest.mark.slow
def test_a_run_that_diverges_counts_as_failed_and_has_no_numbers():
    record = gan("gradient_penalty", rate=1e38, **TINY).run()
    assert record["status"] == "diverged"
    assert record["failed"] == 2
    assert record["w1"] == [None, None]
    assert record["covered"] == [None, None]
    assert "lower `rate`" in record["message"]


def test_snapshots_grow_and_end_with_the_last_step():
    stops = geometric_snapshots(3000)
    assert len(stops) == 12
    assert stops[0] == 94
    assert stops[-1] == 3000
    assert (np.diff(stops) > 0).all()
    assert geometric_snapshots(1) == (1,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "exact"}, "loss: expected one of"),
        ({"classes": (-1,)}, "classes: expected a whole number >= 0"),
        ({"rate": 0.0}, "rate: expected a finite number > 0"),
        ({"hidden": (0,)}, "hidden: expected a whole number >= 1"),
        ({"group": "more"}, "group: expected one of"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        gan(options.pop("loss", "funnel"), **options)


def test_the_suite_holds_every_loss_on_every_restriction_and_runs_without_mnist():
    cells = [cell.parameters for cell in load_suite(SUITE).cells]
    for dataset in ("digits", "mnist"):
        found = {(c["loss"], tuple(c["classes"])) for c in cells
                 if c["dataset"] == dataset and "group" not in c}  # fmt: skip
        assert len(found) == 7 * 3
    varied = [c for c in cells if c.get("group") == "robustness"]
    assert {c["loss"] for c in varied} == {
        "saturating", "non_saturating", "weight_clipping", "gradient_penalty"}  # fmt: skip
    steps = {c["steps"] for c in cells if c["dataset"] == "mnist" and "group" not in c}
    assert len(steps) == 1  # the same number of generator steps for every loss


@pytest.mark.slow
@pytest.mark.parametrize("cell", load_suite(SUITE, "gpu").cells[:7], ids=lambda cell: cell.label)
def test_the_gpu_profile_runs_in_small(cell):
    small = TINY | {"dataset": "digits", "batch_norm": True}
    record = experiment.get("gan", **cell.parameters | small).run()
    assert record["status"] == "ok"
    assert len(record["w1"]) == 2
    assert np.isfinite(unpack(record["w1_along"])).all()
