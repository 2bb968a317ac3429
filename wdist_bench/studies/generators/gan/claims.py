"""The claims about GAN losses, the rules that decide them, and the verdicts: records -> answers.

The rules were written down before the first measurement and are the module's constants.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import mean_interval
from wdist_bench.studies.claims import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Claim,
    below,
    conjunction,
    in_every_run,
    is_below,
    joint,
    not_run,
    opposite,
    paired,
)
from wdist_bench.studies.generators.claims import TRACKS
from wdist_bench.studies.generators.words import by_place, place

GOOD = 1.2
ACCEPTABLE = 1.5
AVERAGE = 0.8
WGANS = ("weight_clipping", "gradient_penalty")
STANDARD = ("saturating", "non_saturating")
RIVALS = (*WGANS, "funnel")
# A ratio of 0 (all samples alike, say) has no logarithm.
_SMALLEST = 1e-3

RULES = f"""\
Written down before the measurements; intervals are 95 % (Student's t over runs), each by itself: of
sixteen comparisons of equals one fails by chance in a third of such suites.
- **Ratios.** W1: exact W1 of generated to held-out images over the real-against-real floor at the
  same size. Centre: mean distance to the nearest k-means centre of the training images, over that
  of held-out images. Diversity: mean distance between two generated images over that of real ones.
  Perfect samples have all three at 1; averages lie near centres, noise far from everything.
- **Misfit**: the factor by which the worst of the three is off, max(ratio, 1 / ratio), at least 1.
- **Good**: misfit at most {GOOD} and all classes covered. **Acceptable**: at most {ACCEPTABLE}, all
  classes covered. A class is covered when its share is at least a fifth of an even share, by the
  nearest labelled image.
- A statement about a misfit holds when its interval (taken on the logarithm) lies on the right side
  of the threshold, fails when it lies on the wrong side, and is undecided otherwise. Coverage holds
  when every run covers all classes, fails when none does. Failed runs cannot hold.
- **Estimates best**: |loss - exact W1| / exact W1 on batches of held-out against generated images
  at the end; the c-transform must be below {", ".join(RIVALS)},
  paired by run (the soft c-transform is a variant of it and does not count). **Generates worse**:
  its misfit is above that of both WGANs, paired by run.
- **Tracks**: Spearman correlation of loss and exact W1 along training, interval above {TRACKS}.
  **Averages**: interval of the centre ratio below {AVERAGE}.
- A claim holds when every comparison does, does not when any fails, else it is undecided. A cell
  that was lost leaves its comparisons undecided.
"""


def ratios(record: dict[str, Any]) -> dict[str, np.ndarray]:
    """(runs,) each: "w1", "centre" and "diversity" of generated over real images."""
    pairs = {
        "w1": ("w1", "floor"),
        "centre": ("centre_distance", "centre_distance_real"),
        "diversity": ("diversity", "diversity_real"),
    }
    return {name: unpack(record[a]) / unpack(record[b]) for name, (a, b) in pairs.items()}


def log_misfit(record: dict[str, Any]) -> np.ndarray:
    """(runs,) max over the three ratios of |log ratio|; NaN where a run failed."""
    three = np.stack(list(ratios(record).values()))
    return np.abs(np.log(np.maximum(three, _SMALLEST))).max(0)


def relative_error(record: dict[str, Any]) -> np.ndarray:
    """(runs,) mean over batches of |loss - exact W1| / exact W1 at the end of training."""
    values, exact = unpack(record["values"]), unpack(record["exact"])
    return (np.abs(values - exact) / exact).mean(1)


def is_within(record: dict[str, Any], factor: float) -> str:
    """Whether the samples have a misfit of at most `factor` and cover all classes."""
    verdict = conjunction([below(log_misfit(record), math.log(factor)), _covers(record)])
    if record["failed"] == record["runs"]:
        return FAILS
    return UNDECIDED if record["failed"] and verdict == HOLDS else verdict


def _covers(record: dict[str, Any]) -> str:
    if not record.get("known_classes"):
        return HOLDS
    return in_every_run(unpack(record["covered"]) >= len(record["known_classes"]))


def are_averages(record: dict[str, Any]) -> str:
    """Whether the samples sit nearer to the k-means centres than real images do."""
    return below(ratios(record)["centre"], AVERAGE)


def label(record: dict[str, Any]) -> str:
    """The loss of a record in words."""
    loss = record["parameters"]["loss"]
    if loss in STANDARD:
        return "standard, saturating" if loss == "saturating" else "standard, -log D"
    return loss.replace("_", " ")


def decide(records: list[dict[str, Any]]) -> list[Claim]:
    """Every claim on every data set, from the finished records of the group "losses"."""
    datasets = list(dict.fromkeys(r["parameters"]["dataset"] for r in records))
    return [
        claim
        for name in datasets
        for claim in _claims(name, [r for r in records if r["parameters"]["dataset"] == name])
    ]


def _claims(dataset: str, records: list[dict[str, Any]]) -> list[Claim]:
    one = [r for r in records if len(r["parameters"]["classes"]) == 1]
    two = [r for r in records if len(r["parameters"]["classes"]) == 2]
    claims = [
        joint(f"{dataset}: WGAN makes good samples on one class", _quality(one, WGANS, GOOD)),
        joint(
            f"{dataset}: WGAN makes acceptable samples on two classes",
            _quality(two, WGANS, ACCEPTABLE),
        ),
        joint(
            f"{dataset}: the standard GAN fails with these networks",
            opposite(_quality(one + two, STANDARD, ACCEPTABLE)),
        ),
        joint(
            f"{dataset}: the c-transform estimates best",
            _paired(records, RIVALS, relative_error, "relative error", lower=True),
        ),
        joint(
            f"{dataset}: the c-transform generates worse",
            _paired(records, WGANS, log_misfit, "log misfit", lower=False),
        ),
    ]
    return [claim for claim in claims if claim.parts]


def _quality(records: list[dict[str, Any]], losses: tuple[str, ...], factor: float) -> list[Claim]:
    word = "good" if factor == GOOD else "acceptable"
    found: list[Claim] = []
    for loss in losses:
        for where, here in _places(records, loss).items():
            what = f"{loss} is {word} on {where}"
            found += [
                Claim(what, is_within(r, factor), f"misfit {misfit_text(r)}{_coverage_text(r)}")
                for r in here
                if r["parameters"]["loss"] == loss and "w1" in r
            ] or [not_run(what)]
    return found


def _places(records: list[dict[str, Any]], *losses: str) -> dict[str, list[dict[str, Any]]]:
    """Where losses are compared: the places in which each has a record, a lost one perhaps, and all
    places of rows that have none such. More seeds or rates of one of them make places of its own.
    """
    places = by_place(records)
    names = {at: {r["parameters"]["loss"] for r in here} for at, here in places.items()}
    whole = [at for at in places if names[at].issuperset(losses)]
    rows = {place(places[at][0]) for at in whole}
    return {at: here for at, here in places.items() if at in whole or place(here[0]) not in rows}


def _paired(
    records: list[dict[str, Any]],
    rivals: tuple[str, ...],
    number: Any,
    what: str,
    lower: bool,
) -> list[Claim]:
    """The c-transform against each rival on each restriction, paired by run."""
    found = []
    meet = {rival: _places(records, "c_transform", rival) for rival in rivals}
    for where, here in by_place(records).items():
        losses = {record["parameters"]["loss"]: record for record in here if "w1" in record}
        for rival in (rival for rival in rivals if where in meet[rival]):
            statement = f"{what} {'below' if lower else 'above'} that of {rival} on {where}"
            if "c_transform" not in losses or rival not in losses:
                found.append(not_run(statement))
                continue
            both = losses["c_transform"], losses[rival]
            ours, theirs = paired(*map(number, both))
            gap = ours - theirs
            own, other = (record["failed"] for record in both)
            verdict = is_below(gap, (own, other)) if lower else is_below(-gap, (other, own))
            mean, low, high = mean_interval(gap)
            found.append(
                Claim(
                    statement,
                    verdict,
                    f"{mean_interval(ours)[0]:.3f} against {mean_interval(theirs)[0]:.3f}, "
                    f"difference {mean:+.3f} [{low:+.3f}, {high:+.3f}]",
                )
            )
    return found


def misfit_text(record: dict[str, Any]) -> str:
    """The misfit as a factor (geometric mean over runs) with its interval."""
    mean, low, high = mean_interval(log_misfit(record))
    if math.isnan(mean):
        return "no number"
    return f"{math.exp(mean):.3g} [{math.exp(max(low, 0)):.3g}, {math.exp(high):.3g}]"


def _coverage_text(record: dict[str, Any]) -> str:
    classes = len(record.get("known_classes", []))
    if classes < 2:
        return ""
    covered = unpack(record["covered"])
    return f", {mean_interval(covered)[0]:.3g} of {classes} classes covered"
