"""The report of the GAN suite from synthetic records: every verdict goes both ways."""

from __future__ import annotations

import base64
import math
import tracemalloc
import zlib

import numpy as np
import pytest
from matplotlib.figure import Figure

from wdist_bench.report.drawing import MOST_DOTS, dots
from wdist_bench.studies import claims
from wdist_bench.studies.claims import FAILS, HOLDS, UNDECIDED
from wdist_bench.studies.generators.claims import tracks
from wdist_bench.studies.generators.gan import claims as gan_claims
from wdist_bench.studies.generators.gan import report as gan
from wdist_bench.studies.generators.gan.experiment import encoded
from wdist_bench.studies.generators.gan.figures import decoded

LOSSES = ("saturating", "non_saturating", "weight_clipping", "gradient_penalty", "c_transform",
          "soft_c_transform", "funnel")  # fmt: skip
RUNS = 4


def spread(middle, jitter=0.01):
    """Four runs around a number."""
    return [middle * (1 + jitter * step) for step in (-1, -0.5, 0.5, 1)]


def record(loss, w1=1.1, centre=1.0, diversity=1.0, error=0.1, covered=None, rho=0.95, **options):
    """A record with given ratios to the real images, whose floor is 10."""
    classes = options.pop("classes", [0])
    rng = np.random.default_rng(len(loss))
    images = rng.uniform(-1, 1, (16, 4))
    exact = np.full((RUNS, 2), 12.0)
    parameters = {"loss": loss, "dataset": "digits", "classes": classes, "group": "losses",
                  "steps": 100, "critic_steps": 5, "batch_size": 64, "latent": 8, "rate": 3.0,
                  "hidden": [100, 100], "batch_norm": False, "runs": RUNS, "seed": 0}  # fmt: skip
    return {
        "experiment": "gan", "status": "ok", "message": "", "runs": RUNS, "failed": 0,
        "parameters": parameters | options, "images": 178, "image_shape": [2, 2], "k": 11,
        "known_classes": classes, "points": 89, "points_watched": 80, "compile_seconds": 1.0,
        "run_seconds": 2.0, "snapshots": [10, 30, 100],
        "w1": spread(10 * w1), "floor": [10.0] * RUNS, "w1_centres": [9.0] * RUNS,
        "w1_along": [[30.0, 20.0, 15.0, 11.0]] * RUNS, "floor_along": [10.0] * RUNS,
        "loss_along": [[9.0, 5.0, 1.0]] * RUNS, "rank_correlation": spread(rho, 0.001),
        "centre_distance": spread(5 * centre), "centre_distance_real": [5.0] * RUNS,
        "diversity": spread(8 * diversity), "diversity_real": [8.0] * RUNS,
        "values": (exact * (1 - np.array(spread(error))[:, None])).tolist(),
        "exact": exact.tolist(), "covered": [len(classes) if covered is None else covered] * RUNS,
        "grid": encoded(images), "real": encoded(images[:12]),
    }  # fmt: skip


def verdicts(records):
    return {claim.claim.split(": ")[1]: claim.verdict for claim in gan_claims.decide(records)}


def world(**changes):
    """Every loss on one and two classes, perfect but for the changes {loss: {...}}."""
    return [
        record(loss, classes=classes, **changes.get(loss, {}))
        for classes in ([0], [0, 1])
        for loss in LOSSES
    ]


def test_claims_are_supported_where_the_numbers_are_as_claimed():
    failing = {"w1": 2.5, "diversity": 0.4}
    found = verdicts(
        world(
            saturating=failing,
            non_saturating=failing,
            weight_clipping={"error": 0.99},
            gradient_penalty={"error": 0.6},
            funnel={"error": 0.5},
            c_transform={"w1": 0.9, "centre": 0.6, "error": 0.05},
        )
    )
    assert len(found) == 5
    assert set(found.values()) == {HOLDS}


def test_claims_are_refuted_where_the_numbers_are_the_other_way_round():
    found = verdicts(
        world(
            weight_clipping={"w1": 1.9, "error": 0.01},
            c_transform={"w1": 1.05, "error": 0.5},
        )
    )
    assert set(found.values()) == {FAILS}


def test_a_verdict_is_open_where_the_interval_holds_the_threshold():
    assert gan_claims.is_within(record("funnel", w1=1.2), 1.2) == UNDECIDED
    assert gan_claims.is_within(record("funnel", w1=1.1), 1.2) == HOLDS
    assert gan_claims.is_within(record("funnel", w1=1.3), 1.2) == FAILS
    assert claims.below(np.array([1.0]), 2.0) == UNDECIDED  # one run has no interval


def test_a_claim_is_open_while_a_loss_has_not_run():
    good = {"error": 0.05, "centre": 0.6}
    some = [record("c_transform", **good), record("weight_clipping", error=0.9)]
    found = verdicts(some)
    assert found["the c-transform estimates best"] == UNDECIDED
    assert found["WGAN makes good samples on one class"] == UNDECIDED
    assert "WGAN makes acceptable samples on two classes" not in found


def test_a_place_that_was_lost_leaves_claims_open():
    failing = {"w1": 2.5, "diversity": 0.4}
    good = [record(loss, **failing) for loss in ("saturating", "non_saturating")]
    lost = [
        {"parameters": r["parameters"] | {"classes": [0, 1]}, "status": "timeout"} for r in good
    ]
    assert verdicts(good)["the standard GAN fails with these networks"] == HOLDS
    assert verdicts([*good, *lost])["the standard GAN fails with these networks"] == UNDECIDED


def test_a_second_seed_of_one_loss_leaves_claims_as_they_are():
    rivals = [record(loss, error=0.5) for loss in gan_claims.RIVALS]
    records = [record("c_transform", error=0.05), *rivals]
    more = [record("weight_clipping", error=0.5, seed=1), record("c_transform", rate=0.1)]
    before = verdicts(records)
    assert before["the c-transform estimates best"] == HOLDS
    assert before["WGAN makes good samples on one class"] == HOLDS
    for one in more:
        assert verdicts([*records, one]) == before
    alone = [record("c_transform"), *(record("weight_clipping", seed=seed) for seed in (1, 2))]
    assert verdicts(alone)["the c-transform estimates best"] == UNDECIDED


def test_pairs_are_of_the_runs_that_both_have():
    rivals = [record(loss, error=0.5) for loss in gan_claims.RIVALS]
    for runs, verdict in ((1, UNDECIDED), (2, HOLDS)):
        ours = record("c_transform", error=0.1)
        ours |= {name: ours[name][:runs] for name in ours if isinstance(ours[name], list)}
        found = verdicts([ours | {"known_classes": [0]}, *rivals])
        assert found["the c-transform estimates best"] == verdict


def test_the_misfit_is_the_worst_ratio_in_either_direction():
    for worst in ({"w1": 1.4}, {"centre": 1 / 1.4}, {"diversity": 1 / 1.4}):
        logs = gan_claims.log_misfit(record("funnel", **({"w1": 1.0} | worst)))
        assert math.exp(logs.mean()) == pytest.approx(1.4, rel=1e-3)
    collapsed = gan_claims.log_misfit(record("funnel", diversity=0.0))
    assert np.isfinite(collapsed).all()
    assert (collapsed > 5).all()


def test_classes_and_failed_runs_count():
    lost = record("funnel", classes=[0, 1], covered=1)
    assert gan_claims.is_within(lost, 1.5) == FAILS
    some = record("funnel", classes=[0, 1]) | {"covered": [2, 2, 2, 1]}
    assert gan_claims.is_within(some, 1.5) == UNDECIDED
    broken = record("funnel") | {"failed": 1}
    broken["w1"] = [None, *broken["w1"][1:]]
    assert gan_claims.is_within(broken, 1.5) == UNDECIDED
    assert gan_claims.is_within(broken | {"failed": RUNS}, 1.5) == FAILS


def test_tracking_and_averages_go_both_ways():
    assert tracks(record("funnel", rho=0.95)) == HOLDS
    assert tracks(record("funnel", rho=0.1)) == FAILS
    assert gan_claims.are_averages(record("funnel", centre=0.6)) == HOLDS
    assert gan_claims.are_averages(record("funnel", centre=1.0)) == FAILS


def test_relative_errors_are_those_of_the_batches():
    errors = gan_claims.relative_error(record("funnel", error=0.25))
    np.testing.assert_allclose(errors, spread(0.25))


@pytest.mark.slow
def test_the_journal_alone_gives_the_same_files_twice(tmp_path):
    records = [
        *(record(loss) for loss in LOSSES),
        record("gradient_penalty", group="robustness"),
        record("gradient_penalty", group="robustness", hidden=[400, 400]),
        record("gradient_penalty", group="robustness", rate=1.0),
        {"experiment": "gan", "status": "skipped", "message": "mnist: expected files, got none",
         "parameters": {}},
    ]  # fmt: skip
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = gan.write_gan(tmp_path / "a", records)
    again = gan.write_gan(tmp_path / "b", records)
    assert [f.name for f in files] == [f.name for f in again]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(files, again, strict=True))
    names = {f.name for f in files}
    place = "digits_class_0"
    figures = {f"gan_overview_{place}.png", f"gan_curves_{place}.png", "gan_robustness.png"}
    assert figures | {"gan.md", "gan.csv", f"gan_samples_{place}_funnel.png"} < names
    text = (tmp_path / "a" / "gan.md").read_text()
    assert "skipped (1 cell): mnist: expected files" in text
    assert "| 2 x 100, papers' learning rates" in text
    assert text.index("## Verdicts") < text.index("## digits, class 0")


def test_a_grid_shows_the_pixels_of_the_record():
    shown = decoded(record("funnel"), "grid")
    images = np.random.default_rng(len("funnel")).uniform(-1, 1, (16, 4))
    assert shown.shape == (16, 2, 2)
    np.testing.assert_allclose(shown.reshape(16, 4) / 127.5 - 1, images, atol=0.5 / 127.5 + 1e-9)


def test_images_of_a_record_are_unpacked_no_further_than_a_grid_shows():
    packed = base64.b64encode(zlib.compress(bytes(2**28))).decode()
    tracemalloc.start()
    images = decoded({"grid": packed, "image_shape": [28, 28]}, "grid")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images.shape == (64, 28, 28)
    assert peak < 2**24
    for shape in ([0, 28], [2**20, 2**20], [-1, -1, 2**21]):
        with pytest.raises(ValueError, match="expected images of at most 1,048,576 numbers"):
            decoded({"grid": packed, "image_shape": shape}, "grid")


def test_a_figure_of_very_many_panels_has_fewerdots():
    usual, tall = Figure(figsize=(10, 10)), Figure(figsize=(10, 10_000))
    assert dots(usual) == 300
    assert 10 * 10_000 * dots(tall) ** 2 <= 1.01 * MOST_DOTS
