"""What Example 1 claims, and what the records say: records -> verdicts.

A claim is checked only where its records are there, with the thetas that it speaks of; runs without
a number are left out. Thresholds are the module's constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import finite, mean_interval, mean_of, sd_of
from wdist_bench.studies.claims import Claim, below, claim, conjunction, negation
from wdist_bench.studies.example1.measures import (
    PLATEAU,
    Record,
    architecture,
    fit_line,
    largest,
    of,
    over_runs,
    snapshots,
    thetas,
    vanishing_bound,
    variation,
    widest,
)

EXACT = 1e-6
"""Largest relative difference of two routes to the same number, both without chance."""
JSD_ERROR = 0.02
"""Largest error of a discriminator's JSD, in nats."""
CONSTANT = 0.05
"""Largest coefficient of variation over theta of a number that is called constant."""
LINE = 0.95
"""Smallest R^2 of a line."""
CAUCHY_HILL = 1.5
"""A tail index below this has neither expectation nor variance in practice; Cauchy's is 1."""
UNIFORM = 0.01
"""Level at which the p-values of the runs must be uniform."""
AT_ZERO = 0.02
"""A theta that has arrived."""


_LEAST = 1e-280
"""Sizes below hold no digits: exponentials are cut at exp(-700), or below float64's numbers."""


def relative_difference(one: np.ndarray, other: np.ndarray) -> float:
    """max |one - other| / max |other| of each group (last axis); NaN where there is no group."""
    if not other.size:
        return math.nan
    size = np.maximum(np.abs(other).max(axis=-1), _LEAST)
    return float((np.abs(one - other).max(axis=-1) / size).max())


def small(number: float) -> str:
    """Records hold nine digits: no difference below that is told from none."""
    if math.isnan(number):
        return "unknown"
    return f"{number:.1g}" if number > 1e-9 else "less than 1e-9"


def _example(records: list[Record]) -> list[Claim]:
    """W1, JSD and KL of the segments by definition."""
    out = []
    for record in of(records, "convergence"):
        w1, program = unpack(record["w1"]), unpack(record["w1_program"])
        error = float(np.abs(program - w1).max())
        out.append(
            claim("Example 1", "W1 = abs(theta)", error < EXACT,
                  f"linear programme on midpoints: largest error {small(error)} over "
                  f"{len(w1)} thetas", error)
        )  # fmt: skip
        out += _strips(record)
    return out


def _strips(record: Record) -> list[Claim]:
    """JSD and KL on strips no wider than theta; nothing where all strips are wider."""
    places, cells = thetas(record), np.array(record["parameters"]["cells"])
    apart = places != 0
    told = (cells <= np.abs(places)[:, None]) & apart[:, None]
    if not told.any():
        return []
    jsd, kl = unpack(record["jsd_cells"]), unpack(record["kl_cells"])
    program, noisy = unpack(record["w1_program"]), unpack(record["jsd_noisy"])
    smallest = np.abs(places[apart]).min()
    off = float(np.abs(jsd[told] - math.log(2)).max())
    by_distance = noisy[apart][np.argsort(-np.abs(places[apart]))]
    return [
        claim("Example 1; Theorem 2.3", "JSD = log 2 and KL infinite for theta != 0",
              off < EXACT and np.isnan(kl[told]).all(),
              f"masses on strips no wider than abs(theta): JSD off log 2 by "
              f"{small(off)}, KL infinite in {int(np.isnan(kl[told]).sum())} of "
              f"{int(told.sum())}", off),
        claim("WGAN Theorem 2", "W1 goes to 0 as the laws converge, JSD does not move",
              program[apart].min() <= smallest + EXACT and off < EXACT,
              f"down to theta = {smallest:.4g}: W1 {program[apart].min():.4g}, JSD still "
              f"log 2; with noise of sd {record['parameters']['noise_std']:g} on both it "
              f"falls from {by_distance[0]:.3f} to {by_distance[-1]:.1g}", off, program[apart]),
    ]  # fmt: skip


def _critics(records: list[Record]) -> list[Claim]:
    """The widest sweeps one by one, and the limit of all."""
    critics = of(records, "critic")
    if not widest(records):
        return []
    shares = np.array([largest(fit_line(r).ratios) / r["slope_limit"] for r in critics])
    limit = largest(shares)
    return [row for record in widest(records) for row in _critic(record)] + [
        claim("clip box", "kappa <= c^(L + 1) w^L, every critic", limit <= 1 + EXACT,
              f"largest share of the limit {limit:.3f} over {len(finite(shares))} critics", limit),
    ]  # fmt: skip


def _critic(record: Record) -> list[Claim]:
    """The claims about the clipped critic: it has settled, is linear in theta, with one kappa,
    and its gradient in theta does not vanish.
    """
    fit = fit_line(record)
    r2, low, high = mean_interval(fit.r2)
    settled, cells = int(fit.plateau.sum()), int(np.isfinite(fit.change).sum())
    kappa, kappa_low, kappa_high = mean_interval(fit.kappa)
    z = (unpack(record["values"]) - unpack(record["sampled"])) / unpack(record["sampled_stderr"])
    rms = math.sqrt(mean_of(finite(z**2)))
    name = architecture(record)
    places = thetas(record)
    apart = places != 0
    means, changes = fit.means[apart], fit.change[apart]
    alone = int(np.nansum(fit.settled_runs))
    gradients = over_runs(unpack(record["gradients"])[apart]) * np.sign(places[apart])
    slopes = gradients / (kappa or math.nan)
    near = slopes[np.abs(places[apart]) <= 1]
    slope_cv = variation(slopes)
    close = f"{near.min():.2f} to {near.max():.2f} for abs(theta) <= 1, " if near.size else ""
    return [
        claim("Example 1", f"critics train to a plateau ({name})", settled == cells,
              f"value changes by less than {PLATEAU:.0%} over the last quarter of training at "
              f"{settled} of {cells} thetas (mean over runs), at most "
              f"{largest(np.abs(changes)):.1%}; {alone} of {apart.sum() * record['runs']} "
              "single runs do", changes, fails=settled < cells),
        Claim(f"the value is a line in abs(theta) ({name})", negation(below(fit.r2, LINE)),
              f"R^2 {r2:.4f} [{low:.4f}, {high:.4f}] over runs; kappa {kappa:.5f} "
              f"[{kappa_low:.5f}, {kappa_high:.5f}]", "WGAN equation 3"),
        claim("WGAN equation 3", f"kappa does not depend on theta ({name})", fit.cv < CONSTANT,
              f"kappa per theta from {means.min():.5f} to {means.max():.5f}, coefficient of "
              f"variation {fit.cv:.1%}", means, fit.cv),
        claim("second route", f"midpoints and fresh batches give one value ({name})", rms < 1.5,
              f"root mean square of (difference / standard error) {rms:.2f}", rms),
        claim("Example 1", f"the critic pulls theta to 0 from everywhere ({name})",
              slopes.min() > 0.1,
              f"gradient towards 0, over kappa: {slopes.min():.2f} to {slopes.max():.2f}", slopes,
              fails=(slopes <= 0.1).any()),
        claim("Example 1", f"its pull is constant, as that of W1 ({name})", slope_cv < CONSTANT,
              f"coefficient of variation {slope_cv:.1%}; {close}{slopes.min():.2f} to "
              f"{slopes.max():.2f} over all", slopes, slope_cv),
    ]  # fmt: skip


def _biases(records: list[Record]) -> list[Claim]:
    """The pull at the largest theta over that at 1, with free biases and with clipped ones."""
    out = []
    for record in of(records, "critic", clip_biases=False):
        p = record["parameters"]
        same = {name: p[name] for name in ("hidden", "clip", "steps", "initial")}
        pairs = [r for r in of(records, "critic", clip_biases=True, **same)
                 if {1.0, max(p["thetas"])} <= set(r["parameters"]["thetas"])]  # fmt: skip
        if not pairs or 1.0 not in p["thetas"]:
            continue
        pulls = [_far_pull(r, max(p["thetas"])) for r in (record, pairs[0])]
        free, clipped = map(mean_interval, pulls)
        verdict = conjunction(
            [below(pulls[1], 0.9), negation(below(pulls[0], 0.9)), below(pulls[0], 1.1)]
        )
        out.append(
            Claim(f"clipped biases bend the line, free ones do not ({architecture(record)})",
                  verdict,
                  f"pull at theta = {max(p['thetas']):g} over pull at 1: free {free[0]:.2f} "
                  f"[{free[1]:.2f}, {free[2]:.2f}], clipped {clipped[0]:.2f} [{clipped[1]:.2f}, "
                  f"{clipped[2]:.2f}]; coefficient of variation of kappa {fit_line(record).cv:.1%}"
                  f" and {fit_line(pairs[0]).cv:.1%}", "clip box")
        )  # fmt: skip
    return out


def _far_pull(record: Record, theta: float) -> np.ndarray:
    """(runs,) gradient at theta over gradient at 1."""
    places, gradients = list(thetas(record)), unpack(record["gradients"])
    return gradients[places.index(theta)] / gradients[places.index(1.0)]


def _discriminators(records: list[Record]) -> list[Claim]:
    """JSD estimates, Theorems 2.1, 2.2 and 2.4, and the other loss."""
    shots = snapshots(records)
    if not shots:
        return []
    first, last = shots[0], shots[-1]
    apart = thetas(last) != 0
    far = np.abs(thetas(last)) >= 0.1
    error = np.abs(over_runs(unpack(last["jsd"])[far]) - math.log(2))
    steps = last["parameters"]["steps"]
    start = first["parameters"]["steps"]
    right = finite(unpack(last["accuracy"])[apart])
    gradients, limits = zip(*(vanishing_bound(record) for record in shots), strict=True)
    gradient, bound = np.concatenate(gradients), np.concatenate(limits)
    kept = np.isfinite(bound) & np.isfinite(gradient)
    ratio = largest(gradient[kept] / bound[kept])
    faded = _growth(gradients[0], gradients[-1])
    other = [unpack(record["non_saturating"])[apart] for record in (first, last)]
    grown = _growth(*map(np.abs, other))
    wider = _growth(*(np.array([sd_of(finite(runs)) for runs in rows]) for rows in other))
    return [
        claim("Example 1", f"JSD estimate within {JSD_ERROR} of log 2 for abs(theta) >= 0.1",
              (error < JSD_ERROR).all(),
              f"{steps:,} steps: largest error of the mean over runs {largest(error):.2g} nats",
              error, fails=(error >= JSD_ERROR).any()),
        claim("Theorems 2.1, 2.2", "a perfect discriminator exists", (right == 1).all(),
              f"every point on its right side in {int((right == 1).sum())} of {right.size} "
              f"trainings; largest distance from D* "
              f"{largest(unpack(last['distance'])[apart]):.2g} after {steps:,} steps", right),
        claim("Theorem 2.4", "abs(grad E log(1 - D)) < M e / (1 - e), e the distance to D*",
              ratio < 1 and faded < 0.1,
              f"largest ratio to the bound {ratio:.3f} over {int(kept.sum())} discriminators with "
              f"e < 1; median gradient falls by {1 / faded if faded else math.inf:,.0f} from "
              f"{start} to {steps:,} steps", ratio, faded),
        claim("section 2.2.2", "-log D does not vanish: its gradients grow with training, and "
              "their spread", grown > 1 and wider > 1,
              f"from {start} to {steps:,} steps the median gradient grows by {grown:.1f}, its sd "
              f"over runs by {wider:.1f}", grown, wider),
    ]  # fmt: skip


def _growth(before: np.ndarray, after: np.ndarray) -> float:
    """The median over that of earlier, of those that are numbers; NaN where one has none."""
    found = [finite(values) for values in (before, after)]
    first, last = (float(np.median(v)) if v.size else math.nan for v in found)
    return last / first if first else math.nan


CHECKS: tuple[Callable[[list[Record]], list[Claim]], ...] = (
    _example,
    _critics,
    _biases,
    _discriminators,
)
