"""What Theorems 2.5 to 3.3 claim, and what the records say: records -> verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import finite, mean_interval, mean_of, t_interval
from wdist_bench.studies.claims import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Claim,
    below,
    claim,
    conjunction,
    negation,
)
from wdist_bench.studies.example1.claims import (
    AT_ZERO,
    CAUCHY_HILL,
    EXACT,
    UNIFORM,
    relative_difference,
    small,
)
from wdist_bench.studies.example1.measures import Record, of, snapshots, thetas
from wdist_bench.studies.example1.noise import restored_gradient, rounding


def _identity(records: list[Record]) -> list[Claim]:
    """The claims about Theorem 2.5: both sides of its identity agree at every theta."""
    out = []
    for record in of(records, "identity"):
        exact, left = unpack(record["quadrature"]), unpack(record["autodiff"])
        simulated = unpack(record["simulated"])
        ends = np.array([[t_interval(row[:, k]) for k in (0, 1)] for row in simulated])
        inside = (ends[..., 0] <= exact) & (exact <= ends[..., 1])
        difference = relative_difference(left, exact)
        saturating = relative_difference(unpack(record["saturating"]), unpack(record["twice_jsd"]))
        name = record["parameters"]["real"].replace("_", " ")
        out.append(
            claim("Theorem 2.5", f"-log D descends KL - 2 JSD ({name})",
                  difference < EXACT and saturating < EXACT,
                  f"autodiff against quadrature: relative difference {small(difference)}; "
                  f"log(1 - D) against 2 JSD {small(saturating)}; 95 % intervals of simulations "
                  f"hold the exact number in {int(inside.sum())} of {inside.size}",
                  difference, saturating)
        )  # fmt: skip
    return out


def _instability(records: list[Record]) -> list[Claim]:
    """The claims about Theorem 2.6, that updates under noise have a Cauchy law, and its control."""
    from scipy.stats import kstest

    out = []
    for record in of(records, "instability"):
        control = record["parameters"]["noise"] == "gradient_only"
        hill, p_values = unpack(record["hill"]), unpack(record["ks"])
        scale = unpack(record["scale"]).mean(1) / record["scale_of_law"]
        sizes = record["parameters"]["batch_sizes"]
        tail = hill.mean(axis=0)
        mean, low, high = mean_interval(tail)
        uniform = float(kstest(p_values.ravel(), "uniform").pvalue)
        scales = ", ".join(f"{s:.3f} (m = {m})" for s, m in zip(scale, sizes, strict=True))
        numbers = (
            f"tail index {mean:.3f} [{low:.3f}, {high:.3f}]; median / (s_r / s_e): {scales}; "
            f"p-values of {p_values.size} tests against the law: uniform at p = {uniform:.2g}, "
            f"smallest {p_values.min():.1g}"
        )
        if control:
            found = [negation(below(tail, 2)), _holds(uniform < UNIFORM), _falls(sizes, scale)]
            out.append(Claim("noise on the gradient alone has light tails and averages out",
                             conjunction(found), numbers, "control of 2.6"))  # fmt: skip
        else:
            found = [below(tail, CAUCHY_HILL), _holds(low <= 1.05 and uniform >= UNIFORM)]
            out.append(Claim("white noise on D: the gradient is Cauchy, whatever the minibatch",
                             conjunction(found), numbers, "Theorem 2.6"))  # fmt: skip
    return out


def _holds(condition: bool) -> str:
    return HOLDS if condition else FAILS


def _falls(sizes: list[int], scale: np.ndarray) -> str:
    """Whether the largest minibatch has a smaller scale than the smallest; needs two sizes."""
    if len(set(sizes)) < 2:
        return UNDECIDED
    return _holds(scale[np.argmax(sizes)] < scale[np.argmin(sizes)])


def _noise(records: list[Record]) -> list[Claim]:
    """Theorem 3.2 and its corollary, exact and with trained discriminators."""
    out = []
    for record in of(records, "noise"):
        by_level = {n: unpack(record[n]).T for n in (
            "theorem", "autodiff", "closed_form", "noisy_autodiff", "twice_jsd", "kl",
            "kl_closed_form")}  # fmt: skip
        one = max(relative_difference(by_level["theorem"], by_level[n])
                  for n in ("autodiff", "closed_form"))  # fmt: skip
        two, where = _by_differences(record, by_level["noisy_autodiff"], by_level["twice_jsd"])
        kl = relative_difference(by_level["kl"], by_level["kl_closed_form"])
        places, stds = thetas(record), record["parameters"]["noise_stds"]
        row = int(np.argmax(places))
        best = unpack(record["closed_form"])[row]
        out += [
            claim("Theorem 3.2", "noise on both laws gives this gradient", one < EXACT,
                  f"integrals, autodiff and closed form: relative difference {small(one)}; at "
                  f"theta = {places[row]:g} it is {best[0]:.1g} at noise {stds[0]:g} and "
                  f"{best.max():.2g} at noise {stds[int(np.argmax(best))]:g}", one),
            claim("Corollary 3.2", "with noise on g as well it is that of 2 JSD", two < EXACT,
                  f"autodiff against quadrature: relative difference {small(two)}{where}; KL "
                  f"against theta^2 / (2 s^2): {small(kl)}", two),
        ]  # fmt: skip
    return out + _trained_with_noise(records)


def _by_differences(record: Record, one: np.ndarray, other: np.ndarray) -> tuple[float, str]:
    """Their relative difference at the noise levels of which rounding leaves `EXACT` of the
    differences, and which these are, where not all.
    """
    room = rounding(np.array(record["parameters"]["noise_stds"], np.float64))
    lost = EXACT * np.abs(other).max(axis=-1) < room
    levels = f" at {np.sum(~lost)} of {lost.size} noise levels, at others it is below rounding"
    return relative_difference(one[~lost], other[~lost]), levels * bool(lost.any())


def _trained_with_noise(records: list[Record]) -> list[Claim]:
    """Trained discriminators against the closed form, and against none."""
    shots = snapshots(records)
    rows = []
    for record in of(records, "discriminator"):
        std = record["parameters"]["noise_std"]
        if std == 0 or not shots:
            continue
        clean = dict(zip(thetas(shots[-1]), unpack(shots[-1]["saturating"]), strict=True))
        for theta, values in zip(thetas(record), unpack(record["saturating"]), strict=True):
            formula = restored_gradient(theta, std)
            if theta in clean and abs(formula) > 0.05:
                mean, without = mean_of(finite(values)), mean_of(np.abs(finite(clean[theta])))
                rows.append((mean / formula, abs(mean) / without if without else math.inf))
    if not rows:
        return []
    ratio, gain = np.array(rows).T
    return [
        claim("Theorem 3.2", "trained discriminators give the restored gradient as well",
              (ratio > 0.5).all() and (ratio < 2).all() and (gain > 1).all(),
              f"trained / formula from {ratio.min():.2f} to {ratio.max():.2f} where the formula "
              f"exceeds 0.05 ({len(ratio)} settings); {gain.min():,.0f} to {gain.max():,.0f} "
              "times the gradient without noise after as many steps", ratio, gain)
    ]  # fmt: skip


def _descent(records: list[Record]) -> list[Claim]:
    """Annealed descents arrive, those with little or no noise stay."""
    out = []
    for record in of(records, "descent"):
        p = record["parameters"]
        final = unpack(record["final"])
        size, low, high = mean_interval(np.abs(final))
        enough = p["noise_start"] >= 0.5
        start, end = p["noise_start"], p["noise_end"]
        noise = "no noise" if start == 0 else f"noise {start:g}"
        noise += f" annealed to {end:g}" if start != end else ""
        moved = abs(p["start"]) - size
        text = f"{noise}, {p['discriminator']} discriminator: theta "
        text += "reaches 0" if enough else f"stays at {p['start']:g}"
        numbers = f"abs(theta) after {p['steps']:,} steps {size:.4f} [{low:.4f}, {high:.4f}]"
        stays = claim("section 3", text, abs(moved) < AT_ZERO, numbers, moved)
        arrives = Claim(text, below(np.abs(final), AT_ZERO), numbers, "section 3")
        out.append(arrives if enough else stays)
    return out


def _bounds(records: list[Record]) -> list[Claim]:
    """The claims about the bounds of Lemma 4 and Theorem 3.3 on W_1."""
    held = of(records, "bounds")
    if not held:
        return []
    columns = {
        name: np.concatenate([unpack(record[name]) for record in held])
        for name in ("moved", "lemma", "theorem", "jsd", "jsd_closed_form")
    }
    line = {name: unpack(held[0][f"noisy_{name}"]) for name in ("w1", "lemma", "theorem")}
    w1 = np.concatenate([np.full(len(r["jsd"]), r["w1"]) for r in held])
    lemma = np.concatenate([columns["moved"] / columns["lemma"],
                            line["w1"] / line["lemma"]])  # fmt: skip
    theorem = np.concatenate([w1 / columns["theorem"],
                              line["w1"] / line["theorem"]])  # fmt: skip
    jsd = float(np.abs(columns["jsd"] - columns["jsd_closed_form"]).max())
    return [
        claim("Lemma 4", "W1(X, X + e) <= sqrt(V)", (lemma <= 1).all(),
              f"W1 / bound from {lemma.min():.2g} to {lemma.max():.3f} in {lemma.size} cases",
              lemma),
        claim("Theorem 3.3", "W1 <= 2 sqrt(V) + 2 C sqrt(JSD of the noisy laws)",
              (theorem <= 1).all() and jsd < EXACT,
              f"W1 / bound from {theorem.min():.2g} to {theorem.max():.2g} in {theorem.size} "
              f"cases: true and loose; JSD by quadrature off its closed "
              f"form by {small(jsd)}", theorem, jsd),
    ]  # fmt: skip


CHECKS: tuple[Callable[[list[Record]], list[Claim]], ...] = (
    _identity,
    _instability,
    _noise,
    _descent,
    _bounds,
)
