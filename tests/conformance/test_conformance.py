"""Ours pass the conformance suite, and it finds what it is there to find."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from golden import golden, of_estimator, of_task

import wdist_bench as wb
from wdist_bench.cli.check import check as command
from wdist_bench.conformance import rules as conformance
from wdist_bench.conformance import truth_routes
from wdist_bench.conformance.estimator_rules import ESTIMATOR_RULES
from wdist_bench.conformance.findings import COSTS, Finding
from wdist_bench.conformance.problems import costs
from wdist_bench.conformance.rules import _findings, check
from wdist_bench.conformance.task_rules import TASK_RULES
from wdist_bench.protocol import compilation
from wdist_bench.runs.cell import NUMERICS, parameters

PLUGIN = Path(__file__).parents[2] / "examples" / "mean_gap_plugin"
NAMES = list(dict.fromkeys((*wb.estimators.names(), *wb.tasks.names())))
TRAINED = {name for name in wb.estimators.names() if "steps" in parameters(wb.estimators.get(name))}
# Every claim is looked at, by fewer and smaller samples and at fewer costs, each of which compiles
# programs of its own: the whole takes 20 minutes, and `wdist-bench check` some seconds a plug-in.
SHRUNKEN = {
    "estimator_rules": {"_PROBLEMS": 3, "_POPULATIONS": ("gaussian_shift",),
                        "_POPULATION_SAMPLES": 5_000, "_TRAINED": 0},
    "problems": {"COSTS": ((1, "l2"), (2, "l2")), "_OTHERS": ("torus",), "_ELSEWHERE": ()},
    # One size of most samples, since each size is a program.
    "task_rules": {"_ROWS": 2_000, "_BATCHES": 60, "_PAIRS": 2_000, "_MORE": ()},
    "truth_routes": {"_GROUPS": 4, "_GROUP_SIZE": 2_000, "_CHOOSING": 2_000, "_PAIRS": 2_000,
                     "_BATCHES": 4, "_BATCH_SIZE": 100, "_TAIL_DRAWS": 2**14,
                     "_critic": lambda task: 0.0},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _room_for_each():
    """Every task and estimator compiles dozens of programs, and limits belong to their rules."""
    yield
    compilation.make_room()
    truth_routes._tails.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_ours_conform_to_shrunken_rules(name, monkeypatch):
    for module, constants in SHRUNKEN.items():
        for constant, value in constants.items():
            monkeypatch.setattr(f"wdist_bench.conformance.{module}.{constant}", value)
    if name in wb.tasks.names():
        task = wb.tasks.get(name)
        known = [cost for cost in COSTS if task.truth(*cost) is not None]
        monkeypatch.setattr("wdist_bench.conformance.task_rules.COSTS", tuple(known[:1]))
    if name in TRAINED:
        first = next(costs(wb.estimators.get(name), 2))
        taken = ((first.p, first.norm),)
        monkeypatch.setattr("wdist_bench.conformance.problems.COSTS", taken)
        monkeypatch.setattr("wdist_bench.conformance.problems._OTHERS", ())
        monkeypatch.setattr("wdist_bench.conformance.estimator_rules._PROBLEMS", 2)
    broken = _broken(name)
    assert not broken, broken  # whole, no list
    if name in wb.estimators.names() and jax.default_backend() == "cpu":
        # Here, where its programs are compiled.
        _changes_with_its_version("estimators", name, of_estimator(name))


def _broken(name):
    """What does not hold; ours follow scale too, at the defaults."""
    return "\n".join(
        f"{f.rule}: {f.problem or f.note}"
        for f in check(name)
        if not f.passed or "a length of its own" in f.note
    )


@pytest.mark.parametrize("name", wb.tasks.names())
def test_samples_and_truths_change_with_a_version(name):
    _changes_with_its_version("tasks", name, of_task(name))


def _changes_with_its_version(kind, name, now):
    """Old journals would mix with new ones otherwise."""
    known = golden()
    again = "then run python tests/conformance/golden.py"
    assert known["numerics"] == NUMERICS, f"NUMERICS rose; {again}"
    assert known[kind].get(name, {}).get("version") == now["version"], f"{name} is new; {again}"
    # Critics train in float32, in programs that versions of jax and processors round otherwise.
    near = 1e-3 if name in TRAINED else 1e-6
    assert now["numbers"] == pytest.approx(
        known[kind][name]["numbers"], rel=near, abs=1e-6, nan_ok=True
    ), (
        f"{name}: raise its version (of all that share what changed: NUMERICS in "
        f"wdist_bench/runs/cell.py), {again}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_ours_conform(name):
    assert [f"{f.rule}: {f.problem}" for f in check(name) if not f.passed] == []


@dataclass(frozen=True)
class Wrong(wb.DirectEstimator):
    """Claims a lower bound, returns twice the exact value, and shakes the world."""

    name = "wrong"
    version = 1
    target = "batch"
    bound = "lower"

    def estimate(self, samples, cost):
        np.random.seed(1)  # noqa: NPY002
        samples.x[...] = np.sort(samples.x, axis=0)
        value = 2 * np.abs(samples.x - samples.y[: len(samples.x)]).max() + np.random.random()  # noqa: NPY002
        return wb.Estimate(value, 3 * value, target="batch", bound="lower")


def test_an_estimator_that_breaks_rules_is_found_out():
    broken = {finding.rule for finding in _findings(ESTIMATOR_RULES, Wrong()) if finding.problem}
    assert "answers with a finite value, or a status and a message" in broken
    assert "keeps what it claims on batches" in broken
    assert "changes neither its input nor global state" in broken


INDEPENDENT = "draws both populations independently"
BETWEEN = "has a truth between what other routes allow"
DECLARED = "has pairs and a potential that fit its truth"
KNOWN = "gives a Truth or None for every cost"


@dataclass(frozen=True)
class Scaled(wb.Task):
    """N(0, I) against s N(0, I): W_2 = |1 - s| sqrt(d), W_1 = |1 - s| E |X|, times `off`.

    The truth may be wrong by a factor, for p = 1, for p = 2 or in the l1 norm alone.
    """

    name = "scaled_in_tests"
    reference = "scaling about a point"

    dims: int = 2
    scale: float = 3.0
    off: tuple[float, float] = (1.0, 1.0)
    off_l1: float = 1.0
    stderr: float = 0.0
    kind: str = "closed-form"
    pairing: str = ""
    draws: str = "independent"

    def sampler(self):
        return ScaledSampler(jnp.float32(self.scale), self.dims, self.draws)

    def truth(self, p=1, norm="l2"):
        if p > 2 or norm not in ("l2", "l1"):
            return None
        d, gap = self.dims, abs(1 - self.scale)
        chi = math.sqrt(2) * math.gamma((d + 1) / 2) / math.gamma(d / 2)
        if norm == "l2":
            value = gap * (chi if p == 1 else math.sqrt(d))
        else:
            value = gap * d * math.sqrt(2 / math.pi)  # E |x|_1; p = 1
            if p == 2:
                return None
            value *= self.off_l1
        return wb.Truth(value * self.off[p - 1], self.stderr, self.kind, self.reference)

    def pairs(self, key, n, p=1):
        if not self.pairing:
            return None
        x = jax.random.normal(key, (n, self.dims), jnp.float32)
        if self.pairing == "mirrored":
            return x, -self.scale * x
        return (self.scale * x, x) if self.pairing == "swapped" else (x, self.scale * x)

    def potential(self, points, p=1):
        steep = {"steep": -2.0, "swapped": 1.0}.get(self.pairing, -1.0)
        return steep * jnp.linalg.norm(points, axis=1) if self.pairing and p == 1 else None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ScaledSampler(wb.Sampler):
    scale: jax.Array
    size: int = field(metadata={"static": True})
    draws: str = field(metadata={"static": True})

    @property
    def dim(self):
        return self.size

    def draw(self, key, n):
        x, y = jax.random.normal(key, (2, n, self.size), jnp.float32)
        if self.draws == "same rows":
            y = x
        if self.draws == "other order":
            y = x[jax.random.permutation(jax.random.fold_in(key, 1), n)]
        if self.draws == "same radius":
            y /= jnp.linalg.norm(y, axis=1, keepdims=True)
            y *= jnp.linalg.norm(x, axis=1, keepdims=True)
        return x, self.scale * y


def found_in(rule, task):
    [finding] = _findings({rule: TASK_RULES[rule]}, task)
    return finding


@pytest.mark.parametrize(
    ("rule", "wrong", "words"),
    [
        (BETWEEN, {"dims": 1, "off": (0.01, 1.0)}, "W_1 (l2) = 0.0159577, but is at least"),
        (BETWEEN, {"dims": 1, "off": (1.0, 0.01)}, "W_2 (l2) = 0.02, but is at least"),
        (BETWEEN, {"dims": 1, "off": (1.06, 1.0)}, "but is at most"),
        (BETWEEN, {"dims": 1, "off": (0.95, 1.0)}, "but is at least"),
        (BETWEEN, {"dims": 3, "off": (0.9, 1.0)}, "but is at least"),
        (BETWEEN, {"dims": 3, "off": (1.0, 0.9)}, "but is at least"),
        (BETWEEN, {"dims": 3, "off_l1": 0.7}, "W_1 (l1) = "),
        pytest.param(BETWEEN, {"off": (1.3, 1.0)}, "but is at most", marks=pytest.mark.slow),
        (BETWEEN, {"dims": 3, "off": (0.9, 1.0), "stderr": 1e-3}, "but is at least"),
        (KNOWN, {"off": (2.0, 1.0)}, "is above 1 times W_2"),
        (KNOWN, {"off_l1": 0.5}, "W_1 (l2) = 2.50663 is above 1 times W_1 (l1)"),
        (KNOWN, {"kind": "monte-carlo"}, "a standard error of 0"),
        (INDEPENDENT, {"draws": "same rows"}, "rows of x and of y have a rank correlation of 1"),
        (INDEPENDENT, {"draws": "other order"}, "means of batches"),
        (INDEPENDENT, {"draws": "same radius"}, "rows of x and of y"),
        (DECLARED, {"pairing": "right", "off": (1.02, 1.0)}, "pairs(p=1) cost"),
        (DECLARED, {"pairing": "right", "off": (0.97, 1.0), "stderr": 1e-4}, "pairs(p=1) cost"),
        (DECLARED, {"pairing": "mirrored"}, "another coupling of 500 of pairs(p=1) saves"),
        (DECLARED, {"pairing": "swapped"}, "x of pairs(p=1) does not follow the law"),
        (DECLARED, {"pairing": "steep"}, "potential(p=1) rises 2 times as fast"),
    ],
    ids=str,
)
def test_a_task_that_is_wrong_is_found_out(rule, wrong, words):
    finding = found_in(rule, Scaled(**wrong))
    assert words in finding.problem
    assert not finding.passed


@pytest.mark.parametrize(
    "right", [{"dims": 1}, pytest.param({"pairing": "right"}, marks=pytest.mark.slow)], ids=str
)
def test_a_task_that_is_right_passes_and_the_note_says_how_near(right):
    findings = _findings(TASK_RULES, Scaled(**right))
    assert [finding.problem for finding in findings if finding.problem] == []
    [note] = [finding.note for finding in findings if finding.rule == BETWEEN]
    for line in note.splitlines():
        words = line.split()
        low, high = (float(words[words.index("%") - 1]), float(words[words.index("to") + 1]))
        assert 90 <= low <= 100 <= high <= 111


def test_a_truth_that_only_one_side_reaches_says_so():
    note = found_in(BETWEEN, Hidden()).note
    assert "no route from below reaches within 10 % of the truth" in note
    assert "checked from above only" in note


@dataclass(frozen=True)
class Hidden(wb.Task):
    """Coins of 0.5 and 0.51: W_2 = sqrt(0.01), and samples differ by as much from one another."""

    name = "hidden"
    reference = "the mass that moves"

    def sampler(self):
        points = ((0.0,), (1.0,))
        return wb.tasks.get(
            "weighted_points", x=points, y=points, a=(0.5, 0.5), b=(0.49, 0.51)
        ).sampler()

    def truth(self, p=1, norm="l2"):
        return wb.Truth(0.1, 0.0, "closed-form", self.reference) if p == 2 else None

    def pairs(self, key, n, p=1):
        u = jax.random.uniform(key, (n, 1), jnp.float32)
        return (u > 0.5).astype(jnp.float32), (u > 0.49).astype(jnp.float32)


@pytest.mark.parametrize("share", [1.0, 0.01], ids=["right", "a hundredth"])
def test_costs_without_a_standard_error_are_judged_from_below(share):
    # Both ends are quantiles of one level, 1 : 2, with an infinite variance.
    law = wb.tasks.get(
        "one_dimensional", x="pareto", y="pareto",
        x_params={"b": 1.5}, y_params={"b": 1.5, "scale": 2.0},
    )  # fmt: skip
    finding = found_in(BETWEEN, Rescaled(law, share))
    assert finding.passed == (share == 1)
    assert "have no standard error" in finding.note or "but is at least" in finding.problem


def test_a_small_truth_is_held_to_its_own_size():
    law = wb.tasks.get("gaussian_shift", dim=1, shift=1e-7, scale=1e-7)
    assert "but is at most" in found_in(BETWEEN, Rescaled(law, 3.0)).problem


@dataclass(frozen=True)
class Rescaled(wb.Task):
    """A task with its truth times a factor."""

    name = "rescaled"
    reference = "a factor"

    task: wb.Task
    factor: float

    def sampler(self):
        return self.task.sampler()

    def truth(self, p=1, norm="l2"):
        truth = self.task.truth(p, norm) if (p, norm) == (1, "l2") else None
        return truth and wb.Truth(truth.value * self.factor, 0.0, truth.kind, self.reference)


def test_a_note_is_printed_below_its_rule(capsys, monkeypatch):
    found = [Finding("one", "", "first\nsecond"), Finding("two", "")]
    monkeypatch.setattr(conformance, "check", lambda name: found)
    command(["mine"])
    assert capsys.readouterr().out == "mine: ok   one\n    first\n    second\nmine: ok   two\n"


def test_a_plugin_file_is_loaded_and_checked():
    path = PLUGIN / "mean_gap_plugin.py"
    assert len(path.read_text().splitlines()) <= 30
    command = [sys.executable, "-m", "wdist_bench.cli", "--plugin", str(path)]
    answer = subprocess.run([*command, "check", "mean_gap"], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "FAIL" not in answer.stdout


@pytest.mark.slow
def test_an_installed_plugin_package_is_found_from_another_environment(tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    # The other environment sees this one's packages, and the plug-in is installed in it alone.
    [place] = (tmp_path / "env").glob("**/site-packages")
    # Those too that are installed as links to their source.
    here = [path for path in sys.path if path and not Path(path).is_relative_to(sys.base_prefix)]
    (place / "borrowed.pth").write_text("\n".join([*here, str(Path(wb.__file__).parents[1])]))
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", str(PLUGIN)]
    subprocess.run(install, check=True)
    code = "import wdist_bench as wb; print(wb.estimate([[0.0, 0]], [[3.0, 4]], 'mean_gap').value)"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert float(answer.stdout) == 5
    assert "mean_gap" not in wb.estimators.names()
