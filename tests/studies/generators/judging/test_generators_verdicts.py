"""What is measured of generated rows, the verdicts, and the controls that deserve theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import kendalltau

from wdist_bench import experiment
from wdist_bench.results.journal import pack, unpack
from wdist_bench.runs.suite import load_suite
from wdist_bench.studies.claims import FAILS, HOLDS, UNDECIDED
from wdist_bench.studies.generators import claims, methods, words
from wdist_bench.studies.generators.judging import rankings, verdicts
from wdist_bench.studies.generators.judging.features import classifier, frechet
from wdist_bench.studies.generators.judging.judge import split
from wdist_bench.studies.generators.judging.neighbours import copies, precision_recall
from wdist_bench.studies.generators.pool import Pool
from wdist_bench.studies.generators.report import write_generators

SUITE = Path(__file__).parents[4] / "benchmarks" / "generators.toml"
CONTROL = {"runs": 3, "n": 100, "watched": 40, "most": 800, "shown": 8}
TINY = CONTROL | {"runs": 2, "steps": 3, "hidden": (6,), "latent": 4}


def run(generator, **options):
    """The finished record of a cell, as the journal has it."""
    built = experiment.get("generator", generator=generator, **options)
    parameters = {name: getattr(built, name) for name in built.__dataclass_fields__}
    return built.run() | {"experiment": "generator", "parameters": parameters}


@pytest.fixture(scope="module")
def mixture_controls():
    return {name: run(name, **CONTROL) for name in claims.CONTROLS}


@pytest.fixture(scope="module")
def digit_controls():
    options = CONTROL | {"dataset": "digits", "n": 300, "most": 4000}
    return {name: run(name, **options) for name in claims.CONTROLS}


def test_precision_and_recall_by_hand():
    real = np.array([[0.0], [1.0], [2.0], [10.0]])
    made = np.array([[1.5], [1.6], [30.0]])
    # radii at k = 1 of real: 1, 1, 1, 8; of made: .1, .1, 28.4
    found = precision_recall(real, made, k=1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 4)  # 2 and 10 lie within 28.4 of 30, 1.6 of none
    alike = precision_recall(real, np.ones((3, 1)), k=1)
    assert alike == (1.0, 0.25)  # balls of radius 0 hold the one real row that is there


def test_copies_are_much_nearer_to_one_row_than_to_the_next():
    training = np.array([[0.0], [1.0]])
    found = copies(np.array([[0.0], [0.24], [0.26], [0.9]]), training)
    assert found.copied == pytest.approx(3 / 4)  # .24 < .76 / 3, .26 > .74 / 3, .1 < .9 / 3
    assert found.nearest == pytest.approx((0.1 + 0.24) / 2)


def test_the_frechet_distance_is_that_of_the_papers():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 4)) @ np.diag([1, 2, 3, 1.0]) + 1
    a, b = np.cov(x.T, bias=True), np.cov(y.T, bias=True)
    squared = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet(x, y) == pytest.approx(squared**0.5, rel=1e-6)


def test_the_classifier_tells_digits_that_it_has_not_seen():
    eyes = classifier("digits")
    assert eyes.accuracy > 0.93  # of 898; chance has .1
    rows = Pool("digits").rows()
    told = eyes.labels(rows.points)
    assert (told == np.asarray(rows.classes)[rows.labels]).mean() > 0.93
    assert eyes.features(rows.points[:5]).shape == (5, 32)


def test_nobody_is_judged_on_rows_that_were_trained_on():
    pool = Pool("digits")
    one = split(pool, 0, 2, 0, 100, 40)
    parts = [set(map(bytes, part)) for part in (one.training, one.held_out, one.other)]
    assert len(one.training) == 1797 // 2
    assert not parts[1] & parts[2]
    # of 1,797 digits a few are the same picture
    assert len(parts[0] & parts[1]) <= 2
    assert split(pool, 0, 2, 1, 100, 40).watched_floor != one.watched_floor


def test_the_controls_get_what_they_deserve(mixture_controls, digit_controls):
    for controls in (mixture_controls, digit_controls):
        for name, due in claims.CONTROLS.items():
            assert verdicts.verdict(controls[name]) == due, name


def test_a_memoriser_is_as_near_as_real_rows_and_still_wins_nothing(digit_controls):
    memoriser = digit_controls["memoriser"]
    assert unpack(memoriser["w1"]).mean() == pytest.approx(
        unpack(memoriser["w1_real"]).mean(), rel=0.1
    )
    assert (unpack(memoriser["copied"]) == 1).all()
    assert (unpack(memoriser["nearest"]) == 0).all()
    assert (unpack(memoriser["copied_real"]) < 0.02).all()
    assert verdicts.is_memoriser(memoriser)
    assert not verdicts.is_memoriser(digit_controls["held_out"])


def test_the_mean_image_is_as_far_as_rows_are_from_their_mean(digit_controls):
    record = digit_controls["mean_image"]
    for i in range(3):
        real = split(Pool("digits"), 0, 3, i, 300, 40)
        away = np.linalg.norm(real.held_out - real.training.mean(0), axis=1)
        assert record["w1"][i] == pytest.approx(away.mean(), rel=1e-6)
        assert record["w2"][i] == pytest.approx((away**2).mean() ** 0.5, rel=1e-6)
        assert record["w1_lower"][i] <= away.mean() <= record["w1_upper"][i]
    assert (unpack(record["recall"]) == 0).all()
    assert verdicts.told_apart(record) == 3


@pytest.mark.slow
def test_a_training_gives_everything_that_the_report_reads(tmp_path, mixture_controls):
    made = [run(name, **TINY) for name in ("gradient_penalty", "conditional", "ddim")]
    digits = run("conditional", **TINY | {"dataset": "digits"})
    varied = run("gradient_penalty", **TINY | {"dataset": "digits", "group": "architectures"})
    skipped = {"experiment": "generator", "status": "skipped", "parameters": {},
               "message": "mnist: expected files, got none"}  # fmt: skip
    records = [*made, *mixture_controls.values(), digits, varied, skipped]
    files = {path.name for path in write_generators(tmp_path, records)}
    assert {f"generators_{name}.png" for name in (
        "seconds", "samples", "mixture", "architectures")} < files  # fmt: skip
    text = (tmp_path / "generators.md").read_text()
    assert "skipped (1 cell): mnist: expected files" in text
    assert text.index("## Which work") < text.index("## Claims") < text.index("## 8 Gaussians")
    assert "| control: memoriser     | **memoriser**" in text
    # noise and rows do not depend on the generator
    assert made[0]["floor_along"] == made[2]["floor_along"]
    assert unpack(made[0]["w1_along"]).shape == (2, 1 + len(made[0]["snapshots"]))
    assert len(digits["class_w1"][0]) == 10
    right = unpack(digits["labels_right"])
    assert (right < 0.5).all()  # after three steps nobody draws what it is told


def test_a_run_that_diverges_counts_as_failed_and_has_no_numbers():
    record = run("gradient_penalty", **TINY | {"rate": 1e38})
    assert record["status"] == "diverged"
    assert record["failed"] == 2
    assert record["w1"] == [None, None]
    assert None not in record["w1_real"]
    assert verdicts.verdict(record) == verdicts.BROKEN
    assert verdicts.is_within(record, 0.4) == FAILS


def faulty(*faults, **options):
    """A record of runs with those faults, by their recall."""
    runs = len(faults)
    same = {name: [1.0] * runs for name in (
        "w1", "w1_real", "spread", "precision", "precision_real", "recall_real")}  # fmt: skip
    fixed = {"copied": [0.0] * runs, "copied_real": [0.0] * runs, "failed": 0, "runs": runs}
    parameters = {"generator": "ddpm", "dataset": "digits", "classes": [], "group": "comparison"}
    return same | fixed | {
        "recall": [1 - fault for fault in faults], "covered": [2] * runs, "known_classes": [0, 1],
        "parameters": parameters,
    } | options  # fmt: skip


def test_a_verdict_goes_every_way():
    assert verdicts.verdict(faulty(0.1, 0.11, 0.09)) == verdicts.WORKS
    assert verdicts.verdict(faulty(0.3, 0.31, 0.29)) == verdicts.NEARLY
    assert verdicts.verdict(faulty(0.8, 0.81, 0.79)) == verdicts.NOT
    assert verdicts.verdict(faulty(0.2, 0.6, 0.3)) == verdicts.OPEN
    assert verdicts.verdict(faulty(0.1, 0.1, 0.1, covered=[1, 1, 1])) == verdicts.NOT
    assert verdicts.verdict(faulty(0.1, 0.1, 0.1, covered=[1, 2, 2])) == verdicts.OPEN
    assert verdicts.verdict(faulty(0.1, 0.1, 0.1, copied=[0.9, 0.9, 0.9])) == verdicts.COPIES
    # half of the rows are near another among real rows too
    alike = faulty(0.1, 0.1, 0.1, copied=[0.5] * 3, copied_real=[0.5] * 3)
    assert verdicts.verdict(alike) == verdicts.WORKS


def test_averages_are_a_fault_though_they_are_near():
    near = faulty(0.0, 0.0, 0.0) | {"w1": [0.7] * 3}
    np.testing.assert_allclose(verdicts.fault(near), 0.6)


def test_a_race_is_held_at_the_seconds_of_the_fastest():
    record = faulty(0.1, 0.1) | {"snapshots": [10, 20, 40], "train_seconds": 8.0,
                                 "w1_along": [[9, 5, 4, 3], [9, 6, 4, 2]]}  # fmt: skip
    record["parameters"] = record["parameters"] | {"steps": 40}
    assert verdicts.at_seconds(record, 1.0).tolist() == [9, 9]
    assert verdicts.at_seconds(record, 4.0).tolist() == [4, 4]
    assert verdicts.at_seconds(record, 7.9).tolist() == [4, 4]
    assert verdicts.at_seconds(record, 8.0).tolist() == [3, 2]


def test_claims_of_smoothness_and_of_the_loss_go_both_ways():
    def of(name, steady, rank):
        record = faulty(0.1, 0.1, 0.1)
        record["parameters"] = record["parameters"] | {"generator": name}
        spread = np.array([-0.01, 0.0, 0.01])
        return record | {"steadiness": list(steady + spread), "turning": list(steady + spread / 2),
                         "rank_correlation": list(rank + spread), "snapshots": [1],
                         "train_seconds": 1.0, "w1_along": [[1.0, 1.0]] * 3}  # fmt: skip

    def decided(wgan, gan, track, other):
        records = [of(name, wgan, track) for name in claims.WGANS]
        records += [of(name, gan, other) for name in claims.GANS]
        for record in records:
            record["parameters"]["steps"] = 1
        return {c.claim: c.verdict for c in claims.decide(records)}

    for smooth, rough, expected in ((0.1, 0.5, HOLDS), (0.5, 0.1, FAILS)):
        found = decided(smooth, rough, 0.95, 0.1)
        assert found["WGANs have smoother gradients: length"] == expected
        assert found["WGANs have smoother gradients: direction"] == expected
    assert found["The loss of WGAN-GP is meaningful"] == HOLDS
    assert found["The loss of GAN, saturating is not meaningful"] == HOLDS
    found = decided(0.1, 0.5, 0.2, 0.95)
    assert found["The loss of WGAN-GP is meaningful"] == FAILS
    assert found["The loss of GAN, -log D is not meaningful"] == FAILS
    assert found["WGAN-GP is nearer than GAN, -log D at equal seconds"] == FAILS  # they are as near


def on_mixture(name, modes=8, **options):
    """A record of three runs that find so many modes, with what races ask for."""
    record = faulty(0.1, 0.1, 0.1, modes=[modes] * 3, weights_w1=[0.1, 0.11, 0.12],
                    known_classes=list(range(8)), steadiness=[0.1] * 3, turning=[0.1] * 3,
                    rank_correlation=[0.9] * 3, snapshots=[10, 20], train_seconds=1.0,
                    w1_along=[[9.0, 3.0, 1.0], [9.0, 3.1, 1.1], [9.0, 3.2, 1.2]])  # fmt: skip
    record |= options
    given = {"generator": name, "dataset": "mixture", "classes": [], "steps": 20}
    return record | {"parameters": record["parameters"] | given}


def decided(*records):
    return {c.claim: c.verdict for c in claims.decide(list(records))}


def test_a_claim_does_not_begin_to_hold_by_the_loss_of_a_cell(tmp_path):
    found, missed = on_mixture("gradient_penalty"), on_mixture("weight_clipping", modes=5)
    lost = {key: missed[key] for key in ("parameters",)} | {"status": "timeout"}
    assert decided(found, missed)["WGANs lose no mode"] == FAILS
    assert decided(found)["WGANs lose no mode"] == HOLDS  # it was not asked for
    after = decided(found, lost, lost | {"parameters": on_mixture("saturating")["parameters"]})
    decisive = ("WGANs lose no mode", "GANs lose modes", "WGANs weigh the modes better than GANs",
                "WGANs have smoother gradients: length")  # fmt: skip
    assert {after[name] for name in decisive} == {UNDECIDED}


def test_a_gradient_that_vanished_in_one_run_leaves_its_comparisons_undecided():
    smooth, rough = [0.1, 0.11, 0.12], [0.5, np.nan, 0.51]
    name = "WGANs have smoother gradients: length"
    wgans = [on_mixture(wgan, steadiness=smooth) for wgan in claims.WGANS]
    gan = on_mixture("saturating", steadiness=rough)
    assert decided(*wgans, gan)[name] == UNDECIDED
    # the run that failed has no number either, and loses nothing for the others
    assert decided(*wgans, gan | {"failed": 1})[name] == HOLDS


def test_nobody_wins_a_race_on_a_shared_machine():
    name = "DDPM, ancestral is nearer than GAN, -log D at equal seconds"
    slow = [[9.0, 8.0, 7.0], [9.0, 8.1, 7.1], [9.0, 8.2, 7.3]]
    pair = on_mixture("ddpm"), on_mixture("non_saturating", w1_along=slow)
    assert decided(*pair)[name] == HOLDS
    assert decided(pair[0], pair[1] | {"shared": True})[name] == UNDECIDED


def test_cells_of_one_generator_are_places_of_their_own_and_layers_have_their_widths():
    seeds = [on_mixture("ddpm") for _ in range(2)]
    for seed, record in enumerate(seeds):
        record["parameters"]["seed"] = seed
    assert list(words.by_place(seeds)) == ["8 Gaussians, seed 0", "8 Gaussians, seed 1"]
    assert list(words.by_place(seeds[:1])) == ["8 Gaussians"]
    assert [words.layers(w) for w in ((128, 64), (128, 128), ())] == [
        "128-64", "2 x 128", "no hidden layer",
    ]  # fmt: skip


def test_orders_are_of_the_runs_that_all_have():
    records = []
    for i, name in enumerate(("ddpm", "funnel", "sn_gan", "c_transform")):
        runs = 1 if i == 2 else 3
        scores = {field: [float(i)] * runs for field, sign in rankings.MEASURES.values()}
        copies_of = {"copied": [0.0] * runs, "copied_real": [0.0] * runs}
        records.append(on_mixture(name) | scores | copies_of)
    found = {(row["ranking"], row["against"]): row["tau"] for row in rankings.agreement(records)}
    assert (found["W1", "W2"], found["W1", "recall"]) == (1, -1)


def test_rankings_agree_as_kendall_says():
    first = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, np.nan]])
    second = np.array([[1.0, 3.0], [3.0, 2.0], [2.0, 1.0], [4.0, 5.0]])
    found = rankings.tau_by_run(first, second)
    assert found[0] == pytest.approx((5 - 1) / 6)  # six pairs, one the other way round
    assert found[1] == -1
    assert found[0] == pytest.approx(kendalltau(first[:, 0], second[:, 0]).statistic)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generator": "vae"}, "generator: expected one of"),
        ({"dataset": "moons"}, "dataset: expected one of"),
        ({"n": 3}, "n: expected a whole number >= 20"),
        ({"hidden": (0,)}, "hidden: expected a whole number >= 1"),
        ({"rate": 0.0}, "rate: expected a finite number > 0"),
        ({"classes": (0, 1)}, "classes: expected \\(\\) for mixture"),
        ({"generator": "ddpm", "batch_norm": True}, "batch_norm: expected False for ddpm"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        experiment.get("generator", **{"generator": "funnel"} | options)


def test_the_suite_holds_every_generator_and_control_on_every_set_of_rows():
    cells = [cell.build() for cell in load_suite(SUITE).cells]
    compared = [c for c in cells if c.group == "comparison"]
    everybody = {*methods.names(), *claims.CONTROLS}
    places = {(c.dataset, c.classes) for c in compared}
    assert places == {("mixture", ()), ("digits", ()), ("mnist", (0,)), ("mnist", (0, 1))}
    for place in places:
        here = [c for c in compared if (c.dataset, c.classes) == place]
        assert {c.generator for c in here} == everybody
        # the same rows, sizes and steps for everybody
        assert len({(c.steps, c.hidden, c.batch_size, c.n, c.runs, c.seed) for c in here}) == 1
    assert all(c.runs >= 3 for c in cells)
    varied = [c for c in cells if c.group == "architectures"]
    assert {c.generator for c in varied} >= {*claims.WGANS, *claims.GANS, "sn_gan", "ddpm"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell", [c for c in load_suite(SUITE, "gpu").cells if c.parameters["dataset"] == "mnist"],
    ids=lambda cell: cell.label,
)  # fmt: skip
def test_the_gpu_profile_runs_in_small(cell):
    small = cell.parameters | TINY | {"dataset": "digits", "latent": 4, "batch_size": 8}
    record = experiment.get("generator", **small).run()
    assert record["status"] == "ok"
    assert np.isfinite(unpack(record["w1"])).all()


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([1.0, 1.0, 1.1, 1.1], [2.0] * 4, HOLDS),
        ([np.nan, np.nan, 1.0, 1.1], [2.0] * 4, UNDECIDED),
        ([1.0, 1.0, 1.1, 1.1], [np.nan, 2.0, 2.0, 2.1], HOLDS),
        ([3.0, 3.0, 3.1, 3.1], [np.nan, 2.0, 2.0, 2.1], UNDECIDED),
        ([np.nan, 3.0, 3.0, 3.1], [2.0] * 4, FAILS),
    ],
)
def test_no_comparison_is_won_by_the_runs_that_failed(ours, theirs, verdict):
    """Who met NaN in half of its runs was nearer in those that were left."""
    records = [
        {
            "parameters": {"generator": name, "dataset": "digits", "classes": []},
            "w1": pack(runs),
            "failed": int(np.isnan(runs).sum()),
        }
        for name, runs in (("ddpm", np.array(ours)), ("gradient_penalty", np.array(theirs)))
    ]
    [claim] = claims._paired(
        {"place": records}, "ddpm", "gradient_penalty", "W1", lambda r: unpack(r["w1"])
    )
    assert claim.verdict == verdict


@pytest.mark.parametrize(("failed", "verdict"), [(0, HOLDS), (2, UNDECIDED)])
def test_no_loss_tracks_by_the_runs_that_are_left(failed, verdict):
    found = np.where(np.arange(4) < failed, np.nan, [0.9, 0.91, 0.9, 0.91])
    record = {"failed": failed, "rank_correlation": pack(found)}
    assert claims.tracks(record) == verdict
