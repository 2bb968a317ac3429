"""The report of Example 1 from records whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from wdist_bench.experiment import get
from wdist_bench.results.journal import pack
from wdist_bench.studies.example1 import claims as example1_claims
from wdist_bench.studies.example1 import theorems as example1_theorems
from wdist_bench.studies.example1.critic import _mean_history
from wdist_bench.studies.example1.measures import fit_line, fit_rows, kappa_rows
from wdist_bench.studies.example1.report import write_example1

THETAS = np.array([-1.0, 0.0, 0.1, 1.0, 2.0])
RUNS = 4


def record(name, parameters=None, **fields):
    shared = {"status": "ok", "message": "", "runs": RUNS, "failed": 0, "compile_seconds": 1.0,
              "run_seconds": 2.0}  # fmt: skip
    return {"experiment": f"example1_{name}", "parameters": parameters or {}, **shared, **fields}


def critic(bend=0.0, change=0.001, pull=1.0, clip_biases=True):
    """value = kappa |theta| (1 + bend |theta|), kappa 0.004 times 0.9, 1, 1, 1.1 over the runs; the
    gradient at theta = 2 is pull times kappa.
    """
    kappa = 0.004 * np.array([0.9, 1, 1, 1.1])
    values = np.outer(np.abs(THETAS) * (1 + bend * np.abs(THETAS)), kappa)
    parameters = {"thetas": THETAS.tolist(), "hidden": [128, 128], "clip": 0.01, "steps": 1000,
                  "learning_rate": 5e-5, "initial": "standard",
                  "clip_biases": clip_biases}  # fmt: skip
    error = np.full(values.shape, 1e-6)
    gradients = np.sign(THETAS)[:, None] * kappa * np.array([[1]] * 4 + [[pull]])
    history = np.where(np.arange(100) < 80, 1, 1 + change) * values.mean(axis=1)[:, None]
    return record("critic", parameters, slope_limit=0.016384, values=pack(values),
                  sampled=pack(values + error * [1, -1, 1, -1]), sampled_stderr=pack(error),
                  gradients=pack(gradients),
                  changes=pack(np.full(values.shape, change)), history=pack(history))  # fmt: skip


def discriminator(steps, gap, gradient):
    """A JSD of log 2 - gap, and gradients of the given size and its inverse."""
    apart = np.sign(np.abs(THETAS))[:, None] * np.ones(RUNS)
    jitter = np.array([1.0, 1.1, 0.9, 1.0])
    return record("discriminator", {"thetas": THETAS.tolist(), "steps": steps, "noise_std": 0.0},
                  jsd=pack(apart * (math.log(2) - gap)), jsd_stderr=pack(apart * 1e-4),
                  jsd_on_segments=pack(apart * (math.log(2) - gap)),
                  saturating=pack(apart * gradient), non_saturating=pack(apart * jitter / gradient),
                  distance=pack(apart * 2 * gradient), accuracy=pack(apart + (1 - apart) / 2),
                  )  # fmt: skip


def descent(final):
    return record("descent", {"discriminator": "optimal", "start": 2.0, "noise_start": 1.0,
                              "noise_end": 0.1, "steps": 10, "learning_rate": 0.01},
                  path_steps=[0, 10], path=[[2.0, final]] * RUNS, final=[final] * RUNS,
                  levels=[1.0, 0.1])  # fmt: skip


@pytest.fixture(scope="module")
def measured():
    """What needs no training, really run."""
    options = {
        "convergence": {"thetas": (1.0, 0.1, 0.0)},
        "bounds": {"theta": 0.5, "noise_stds": (0.1, 1.0)},
        "noise": {"thetas": (0.5, 2.0), "noise_stds": (0.3, 1.0)},
        "identity": {"thetas": (-0.5, 1.0), "runs": 4, "samples": 2_000},
        "instability": {"batch_sizes": (1, 8), "draws": 2_000, "runs": 8},
    }
    made = []
    for name, parameters in options.items():
        experiment = get(f"example1_{name}", **parameters)
        made.append(record(name, vars(experiment)) | experiment.run())
    return made


def verdicts(*records):
    checks = (*example1_claims.CHECKS, *example1_theorems.CHECKS)
    return {claim.claim: claim.verdict for check in checks for claim in check(list(records))}


def test_a_perfect_line_has_its_kappa_and_r_squared_one():
    fit = fit_line(critic())
    np.testing.assert_allclose(fit.kappa, 0.004 * np.array([0.9, 1, 1, 1.1]))
    np.testing.assert_allclose(fit.r2, 1)
    assert fit.cv == pytest.approx(0, abs=1e-12)
    assert np.isnan(fit.ratios[1]).all()  # theta = 0 has no ratio
    assert fit.plateau.tolist() == [True, False, True, True, True]
    assert np.nansum(fit.settled_runs) == 4 * RUNS


def test_a_bent_line_has_not():
    fit = fit_line(critic(bend=0.5))
    assert (fit.r2 < 0.99).all()
    ratios = [1.5, 1.05, 1.5, 2.0]  # times kappa
    assert fit.cv == pytest.approx(np.std(ratios, ddof=1) / np.mean(ratios))


def test_verdicts_follow_the_numbers():
    name = "2x128, clip 0.01, 1,000 steps"
    good = verdicts(critic(), discriminator(10, 0.5, 0.3), discriminator(100, 0.001, 0.001))
    assert set(good.values()) == {"holds"}
    bad = verdicts(critic(bend=0.5, change=0.1), discriminator(10, 0.5, 0.3),
                   discriminator(100, 0.1, 0.2))  # fmt: skip
    assert bad[f"critics train to a plateau ({name})"] == "does not hold"
    assert bad[f"kappa does not depend on theta ({name})"] == "does not hold"
    assert bad["JSD estimate within 0.02 of log 2 for abs(theta) >= 0.1"] == "does not hold"
    vanishing = "abs(grad E log(1 - D)) < M e / (1 - e), e the distance to D*"
    assert (good[vanishing], bad[vanishing]) == ("holds", "does not hold")


def test_the_biases_are_blamed_only_where_free_ones_differ():
    free = critic(clip_biases=False)
    [blamed] = [v for c, v in verdicts(critic(pull=0.4), free).items() if "biases bend" in c]
    [not_blamed] = [v for c, v in verdicts(critic(), free).items() if "biases bend" in c]
    assert (blamed, not_blamed) == ("holds", "does not hold")


@pytest.mark.parametrize(("final", "verdict"), [(0.001, "holds"), (0.5, "does not hold")])
def test_a_descent_is_judged_by_where_it_ends(final, verdict):
    assert list(verdicts(descent(final)).values()) == [verdict]


@pytest.mark.parametrize("status", ["timeout", "out_of_memory"])
def test_a_cell_that_was_stopped_is_named_and_ends_no_report(measured, tmp_path, status):
    names = ("critic", "discriminator", "descent", "instability", "identity", "noise")
    lost = [
        {"experiment": f"example1_{name}", "status": status, "message": "stopped at 60 s",
         "parameters": {"thetas": [1.0], "noise_std": 0.0}}
        for name in names
    ]  # fmt: skip
    write_example1(tmp_path, [*lost, measured[0]])
    assert f"- {status} (6 cells): stopped at 60 s" in (tmp_path / "example1.md").read_text()


def test_claims_are_made_of_thetas_that_are_there(measured):
    zero = np.zeros_like(THETAS)
    far = critic()
    far["parameters"] = far["parameters"] | {"thetas": [1.5, 2.0, 3.0, 4.0, 5.0]}
    assert len(verdicts(far)) > 4
    nothing = critic()
    nothing["parameters"] = nothing["parameters"] | {"thetas": zero.tolist()}
    assert verdicts(nothing) == {}
    assert len(kappa_rows([nothing])) == len(fit_rows([nothing])) * len(zero) == len(zero)
    wide = get("example1_convergence", thetas=(0.5, 0.25), cells=(1.0,))
    found = verdicts(record("convergence", vars(wide)) | wide.run())
    assert found == {"W1 = abs(theta)": "holds"}


def test_minibatches_may_come_in_any_order():
    control = get("example1_instability", noise="gradient_only", batch_sizes=(64, 1), draws=1000,
                  runs=3)  # fmt: skip
    [verdict] = verdicts(record("instability", vars(control)) | control.run()).values()
    assert verdict == "holds"


def test_a_lost_run_is_left_out_and_one_run_decides_no_line():
    name = "2x128, clip 0.01, 1,000 steps"
    lost = critic()
    for field in ("values", "gradients", "changes", "sampled"):
        lost[field] = [[*row[:-1], None] for row in lost[field]]
    found = verdicts(lost)
    assert found[f"kappa does not depend on theta ({name})"] == "holds"
    assert found[f"the critic pulls theta to 0 from everywhere ({name})"] == "holds"
    unknown = verdicts(lost | {"history": [[None] * 100] * len(THETAS)})  # of older records
    assert unknown[f"critics train to a plateau ({name})"] == "undecided"
    alone = critic()
    for field in ("values", "gradients", "changes", "sampled", "sampled_stderr"):
        alone[field] = [row[:1] for row in alone[field]]
    assert verdicts(alone)[f"the value is a line in abs(theta) ({name})"] == "undecided"
    shot = discriminator(100, 0.001, 0.001)
    for field in ("jsd", "saturating", "non_saturating", "distance", "accuracy"):
        shot[field] = [[*row[:-1], None] for row in shot[field]]
    assert set(verdicts(discriminator(10, 0.5, 0.3), shot).values()) == {"holds"}


def test_a_lost_theta_leaves_open_what_the_others_do_not_decide_alone():
    name = "2x128, clip 0.01, 1,000 steps"
    plateau = f"critics train to a plateau ({name})"
    pull = f"the critic pulls theta to 0 from everywhere ({name})"
    for settings, verdict in (({}, "undecided"), ({"change": 0.1, "pull": 0.01}, "does not hold")):
        lost = critic(**settings)
        for field in ("history", "gradients"):
            lost[field] = [[None] * len(lost[field][0]), *lost[field][1:]]
        found = verdicts(lost)
        assert (found[plateau], found[pull]) == (verdict, verdict)


def test_the_history_of_a_critic_is_of_the_runs_with_a_number():
    history = np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, np.nan]], [[np.nan, 1.0]] * 3])
    np.testing.assert_array_equal(_mean_history(history), [[2, 3], [np.nan, np.nan]])


def test_a_scale_below_the_steps_of_its_differences_is_refused():
    with pytest.raises(ValueError, match=r"scale: expected a finite number > 0.002, got 0.001"):
        get("example1_identity", scale=0.001)


def test_a_broken_side_of_a_theorem_is_seen(measured):
    identity = next(r for r in measured if r["experiment"].endswith("identity"))
    assert set(verdicts(identity).values()) == {"holds"}
    broken = identity | {"autodiff": pack(1.01 * np.array(identity["autodiff"]))}
    assert set(verdicts(broken).values()) == {"does not hold"}
    bounds = next(r for r in measured if r["experiment"].endswith("bounds"))
    assert set(verdicts(bounds).values()) == {"holds"}
    assert "does not hold" in verdicts(bounds | {"w1": 1e3}).values()


@pytest.mark.slow
def test_the_report_has_every_table_and_figure_and_repeats_itself(measured, tmp_path):
    records = [critic(), discriminator(10, 0.5, 0.3), discriminator(30, 0.1, 0.1),
               discriminator(100, 0.001, 0.001), descent(0.001), *measured]  # fmt: skip
    failed = record("critic") | {"status": "error", "message": "out of memory"}
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        files = write_example1(folder, [*records, failed])
    names = {path.name for path in files}
    assert {f"example1_{name}.png" for name in (
        "distances", "gradients", "kappa", "noise", "bounds", "tails")} <= names  # fmt: skip
    for path in files:
        assert path.read_bytes() == (first / path.name).read_bytes(), path.name
    text = (first / "example1.md").read_text()
    assert "out of memory" in text
    assert "| Theorem 2.5" in text
    kappa = pd.read_csv(first / "example1_kappa.csv")
    assert kappa["kappa"].tolist() == [pytest.approx(0.004)]
    assert kappa[["on_plateau", "thetas", "settled_runs"]].to_numpy().tolist() == [[4, 4, 16]]


def test_a_part_of_the_suite_gives_its_part_of_the_report(measured, tmp_path):
    names = {path.name for path in write_example1(tmp_path, measured[:1])}
    assert names == {"example1.md", "example1_convergence.csv"}
