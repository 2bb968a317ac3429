"""What Example 1 claims, and what the records say: records -> verdicts.

A claim is checked only where its records are there. Thresholds are the module's constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import mean_interval
from wdist_bench.studies.claims import Claim, claim
from wdist_bench.studies.example1.measures import (
    PLATEAU,
    Record,
    architecture,
    fit_line,
    of,
    snapshots,
    thetas,
    vanishing_bound,
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


def relative_difference(one: np.ndarray, other: np.ndarray) -> float:
    """max |one - other| / max |other| of each group (last axis)."""
    size = np.maximum(np.abs(other).max(axis=-1), 1e-300)
    return float((np.abs(one - other).max(axis=-1) / size).max())


def small(number: float) -> str:
    """Records hold nine digits: no difference below that is told from none."""
    return f"{number:.1g}" if number > 1e-9 else "less than 1e-9"


def _example(records: list[Record]) -> list[Claim]:
    """W1, JSD and KL of the segments by definition."""
    out = []
    for record in of(records, "convergence"):
        w1, program = unpack(record["w1"]), unpack(record["w1_program"])
        places, cells = thetas(record), np.array(record["parameters"]["cells"])
        apart = places != 0
        told = (cells <= np.abs(places)[:, None]) & apart[:, None]
        jsd, kl = unpack(record["jsd_cells"]), unpack(record["kl_cells"])
        noisy = unpack(record["jsd_noisy"])
        smallest = np.abs(places[apart]).min()
        off = float(np.abs(jsd[told] - math.log(2)).max())
        by_distance = noisy[apart][np.argsort(-np.abs(places[apart]))]
        error = float(np.abs(program - w1).max())
        out += [
            claim("Example 1", "W1 = abs(theta)", error < EXACT,
                  f"linear programme on midpoints: largest error {small(error)} over "
                  f"{len(places)} thetas"),
            claim("Example 1; Theorem 2.3", "JSD = log 2 and KL infinite for theta != 0",
                  off < EXACT and np.isnan(kl[told]).all(),
                  f"masses on strips no wider than abs(theta): JSD off log 2 by "
                  f"{small(off)}, KL infinite in {int(np.isnan(kl[told]).sum())} of "
                  f"{int(told.sum())}"),
            claim("WGAN Theorem 2", "W1 goes to 0 as the laws converge, JSD does not move",
                  program[apart].min() <= smallest + EXACT and off < EXACT,
                  f"down to theta = {smallest:.4g}: W1 {program[apart].min():.4g}, JSD still "
                  f"log 2; with noise of sd {record['parameters']['noise_std']:g} on both it "
                  f"falls from {by_distance[0]:.3f} to {by_distance[-1]:.1g}"),
        ]  # fmt: skip
    return out


def _critics(records: list[Record]) -> list[Claim]:
    """The widest sweeps one by one, and the limit of all."""
    critics = of(records, "critic")
    if not critics:
        return []
    limit = max(float(np.nanmax(fit_line(r).ratios)) / r["slope_limit"] for r in critics)
    return [row for record in widest(records) for row in _critic(record)] + [
        claim("clip box", "kappa <= c^(L + 1) w^L, every critic", limit <= 1 + EXACT,
              f"largest share of the limit {limit:.3f} over {len(critics)} critics"),
    ]  # fmt: skip


def _critic(record: Record) -> list[Claim]:
    """The claims about the clipped critic: it has settled, is linear in theta, with one kappa,
    and its gradient in theta does not vanish.
    """
    fit = fit_line(record)
    means = np.nanmean(fit.ratios[thetas(record) != 0], axis=1)
    r2, low, high = mean_interval(fit.r2)
    settled, cells = int(fit.plateau.sum()), int(np.isfinite(fit.change).sum())
    kappa, kappa_low, kappa_high = mean_interval(fit.kappa)
    z = (unpack(record["values"]) - unpack(record["sampled"])) / unpack(record["sampled_stderr"])
    rms = float(np.sqrt(np.nanmean(z**2)))
    name = architecture(record)
    places = thetas(record)
    apart = places != 0
    alone = int(np.nansum(fit.settled_runs))
    gradients = np.nanmean(unpack(record["gradients"])[apart], axis=1) * np.sign(places[apart])
    slopes = gradients / kappa
    near = slopes[np.abs(places[apart]) <= 1]
    slope_cv = float(slopes.std(ddof=1) / slopes.mean())
    return [
        claim("Example 1", f"critics train to a plateau ({name})", settled == cells,
              f"value changes by less than {PLATEAU:.0%} over the last quarter of training at "
              f"{settled} of {cells} thetas (mean over runs), at most "
              f"{np.nanmax(np.abs(fit.change)):.1%}; {alone} of {cells * record['runs']} single "
              "runs do"),
        claim("WGAN equation 3", f"the value is a line in abs(theta) ({name})", low > LINE,
              f"R^2 {r2:.4f} [{low:.4f}, {high:.4f}] over runs; kappa {kappa:.5f} "
              f"[{kappa_low:.5f}, {kappa_high:.5f}]"),
        claim("WGAN equation 3", f"kappa does not depend on theta ({name})", fit.cv < CONSTANT,
              f"kappa per theta from {means.min():.5f} to {means.max():.5f}, coefficient of "
              f"variation {fit.cv:.1%}"),
        claim("second route", f"midpoints and fresh batches give one value ({name})", rms < 1.5,
              f"root mean square of (difference / standard error) {rms:.2f}"),
        claim("Example 1", f"the critic pulls theta to 0 from everywhere ({name})",
              slopes.min() > 0.1,
              f"gradient towards 0, over kappa: {slopes.min():.2f} to {slopes.max():.2f}"),
        claim("Example 1", f"its pull is constant, as that of W1 ({name})", slope_cv < CONSTANT,
              f"coefficient of variation {slope_cv:.1%}; {near.min():.2f} to {near.max():.2f} for "
              f"abs(theta) <= 1, {slopes.min():.2f} to {slopes.max():.2f} over all"),
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
        free, clipped = (mean_interval(_far_pull(r, max(p["thetas"]))) for r in (record, pairs[0]))
        out.append(
            claim("clip box", f"clipped biases bend the line, free ones do not "
                  f"({architecture(record)})", clipped[2] < 0.9 < free[1] and free[2] < 1.1,
                  f"pull at theta = {max(p['thetas']):g} over pull at 1: free {free[0]:.2f} "
                  f"[{free[1]:.2f}, {free[2]:.2f}], clipped {clipped[0]:.2f} [{clipped[1]:.2f}, "
                  f"{clipped[2]:.2f}]; coefficient of variation of kappa {fit_line(record).cv:.1%}"
                  f" and {fit_line(pairs[0]).cv:.1%}")
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
    error = np.abs(unpack(last["jsd"])[far].mean(1) - math.log(2))
    steps = last["parameters"]["steps"]
    start = first["parameters"]["steps"]
    right = unpack(last["accuracy"])[apart]
    gradients, limits = zip(*(vanishing_bound(record) for record in shots), strict=True)
    gradient, bound = np.concatenate(gradients), np.concatenate(limits)
    kept = np.isfinite(bound)
    ratio = float((gradient[kept] / bound[kept]).max())
    faded = np.median(gradients[-1]) / np.median(gradients[0])
    other = [np.abs(unpack(record["non_saturating"])[apart]) for record in (first, last)]
    spread = [unpack(r["non_saturating"])[apart].std(axis=1, ddof=1) for r in (first, last)]
    grown, wider = (float(np.median(b) / np.median(a)) for a, b in (other, spread))
    return [
        claim("Example 1", f"JSD estimate within {JSD_ERROR} of log 2 for abs(theta) >= 0.1",
              (error < JSD_ERROR).all(),
              f"{steps:,} steps: largest error of the mean over runs {error.max():.2g} nats"),
        claim("Theorems 2.1, 2.2", "a perfect discriminator exists", (right == 1).all(),
              f"every point on its right side in {int((right == 1).sum())} of {right.size} "
              f"trainings; largest distance from D* "
              f"{unpack(last['distance'])[apart].max():.2g} after {steps:,} steps"),
        claim("Theorem 2.4", "abs(grad E log(1 - D)) < M e / (1 - e), e the distance to D*",
              ratio < 1 and faded < 0.1,
              f"largest ratio to the bound {ratio:.3f} over {int(kept.sum())} discriminators with "
              f"e < 1; median gradient falls by {1 / faded:,.0f} from {start} to {steps:,} steps"),
        claim("section 2.2.2", "-log D does not vanish: its gradients grow with training, and "
              "their spread", grown > 1 and wider > 1,
              f"from {start} to {steps:,} steps the median gradient grows by {grown:.1f}, its sd "
              f"over runs by {wider:.1f}"),
    ]  # fmt: skip


CHECKS: tuple[Callable[[list[Record]], list[Claim]], ...] = (
    _example,
    _critics,
    _biases,
    _discriminators,
)
