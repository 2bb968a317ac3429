"""Claims about generators, the rules that decide them, and the verdicts: records -> answers.

The rules were written down before the first measurement and are the module's constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
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
    in_every_run,
    is_below,
    joint,
    negation,
    not_run,
    opposite,
    paired,
)
from wdist_bench.studies.generators.judging.verdicts import (
    ACCEPTABLE,
    COPIER,
    COPIES,
    GOOD,
    NOT,
    WORKS,
    at_seconds,
    fault,
    is_within,
    seconds_along,
    verdict,
)
from wdist_bench.studies.generators.pool import MIXTURE
from wdist_bench.studies.generators.words import LABELS, by_place, label, name_of, setting

Record = dict[str, Any]
Places = dict[str, list[Record]]
WGANS, GANS = ("weight_clipping", "gradient_penalty"), ("saturating", "non_saturating")
TRACKS = 0.8
CONTROLS = {"held_out": WORKS, "memoriser": COPIES, "mean_image": NOT}
EQUAL_SECONDS = (("gradient_penalty", "non_saturating"), ("ddpm", "gradient_penalty"),
                 ("ddpm", "non_saturating"))  # fmt: skip

RULES = f"""\
Written down before the measurements; intervals are 95 % (Student's t over runs), each by itself: of
sixteen comparisons of equals one fails by chance in a third of such suites.
- **Fault**: the largest of 2 |W1 - floor| / spread, 1 - precision / floor, 1 - recall / floor. W1
  is exact, of generated to held-out rows; each floor is what as many training rows get in its
  place; spread is the mean distance between two held-out rows. Real rows have a fault near 0; W1
  below the floor is a fault too (averages), and so are rows that nobody would take for real
  (precision) and real rows that are never made (recall).
- **Works**: fault at most {GOOD} by its interval, and everything covered in every run: all classes
  (a class has a fifth of an even share, as the classifier tells), or all modes of the mixture (a
  mode has a fifth of its weight within 4 sd). **Nearly**: at most {ACCEPTABLE}. **Does not work**:
  the interval is above {ACCEPTABLE}, or no run covers everything. Else **undecided**.
- **Memoriser**: (c - h) / (1 - h) is at least {COPIER:g} in every run, c the share of copies among
  the generated rows and h that among held-out rows. A copy is nearer to a training row than a third
  of its distance to the next one. A memoriser has no other verdict, and no rank.
- **Smoother gradients**: over the second half of training, the mean jump of log |gradient| from
  step to step (length), and one minus the cosine of successive gradients (direction), of the
  generator's gradient. Both WGANs below both GANs, paired by run. A gradient that vanishes in
  float32 has no jumps: the comparison is undecided.
- **Meaningful loss**: Spearman correlation of the loss (mean over 20 steps) with exact W1 along
  training, interval above {TRACKS}.
- **Stability**: nearly works, at every size and rate tried.
- **Mode collapse**: all eight modes found in every run; W1 of the shares of the modes to the true
  weights, paired by run.
- **Equal seconds**: exact W1 at the last snapshot within the seconds of training (one run, one
  core) of the fastest of the three, paired by run; undecided where one of them shared the machine.
- A claim holds when every comparison does, does not when any fails, else it is undecided. A cell
  that was lost leaves its comparisons undecided.
"""


def decide(records: list[Record]) -> list[Claim]:
    """Every claim, from the records of both groups, those of lost cells among them."""
    compared = [r for r in records if r["parameters"].get("group") == "comparison"]
    varied = [r for r in records if r["parameters"].get("group") == "architectures"]
    claims = [
        joint("The controls get the verdicts that they deserve", _controls(compared)),
        joint("WGANs have smoother gradients: length", _smoother(compared, "steadiness")),
        joint("WGANs have smoother gradients: direction", _smoother(compared, "turning")),
        *(_meaningful(compared, name) for name in WGANS),
        *(_meaningless(compared, name) for name in GANS),
        *_stability(varied),
        joint("WGANs lose no mode", _modes(compared, WGANS)),
        joint("GANs lose modes", opposite(_modes(compared, GANS))),
        joint("WGANs weigh the modes better than GANs", _weights(compared)),
        *(
            joint(
                f"{LABELS[a]} is nearer than {LABELS[b]} at equal seconds", _raced(compared, a, b)
            )
            for a, b in EQUAL_SECONDS
        ),
    ]
    return [claim for claim in claims if claim.parts]


def _of(records: list[Record], name: str) -> list[Record]:
    return [r for r in records if name_of(r) == name]


def is_lost(record: Record) -> bool:
    """Whether a cell was stopped, or raised: it has no numbers."""
    return "w1" not in record


def _everywhere(records: list[Record], name: str) -> list[tuple[str, Record]]:
    """The records of one generator with their place."""
    return [(where, r) for where, here in by_place(records).items() for r in _of(here, name)]


def _controls(records: list[Record]) -> list[Claim]:
    found = []
    for name, due in CONTROLS.items():
        for where, r in _everywhere(records, name):
            what = f"{label(r)} is named {due!r} on {where}"
            if is_lost(r):
                found.append(not_run(what))
                continue
            decided = HOLDS if verdict(r) == due else FAILS
            found.append(Claim(what, decided, f"{verdict(r)}, fault {text(fault(r))}"))
    return found


def text(values: np.ndarray) -> str:
    """Mean over runs with its 95 % interval."""
    mean, low, high = mean_interval(values)
    return "no number" if math.isnan(mean) else f"{mean:.3g} [{low:.3g}, {high:.3g}]"


def _pairs(places: Places, first: str, second: str) -> list[tuple[str, Record, Record]]:
    """What is compared, in words, and the records of both, place by place."""
    found = []
    for where, here in places.items():
        both = [_of(here, name) for name in (first, second)]
        if all(both):
            said = f"{LABELS[first]} below {LABELS[second]} on {where}"
            found.append((said, both[0][0], both[1][0]))
    return found


def _paired(
    places: Places, first: str, second: str, what: str, number: Callable[[Record], Any]
) -> list[Claim]:
    """Whether a number of the first generator is below that of the second, place by place;
    undecided where a run that did not fail has no number.
    """
    found = []
    for said, one, other in _pairs(places, first, second):
        if is_lost(one) or is_lost(other):
            found.append(not_run(f"{what}: {said}"))
            continue
        numbers, failed = (number(one), number(other)), (one["failed"], other["failed"])
        ours, theirs = paired(*numbers)
        gap = ours - theirs
        mean, low, high = mean_interval(gap)
        # a run that did not fail and has no number, of a gradient that vanished, say
        whole = all(np.isnan(n).sum() <= f for n, f in zip(numbers, failed, strict=True))
        found.append(
            Claim(
                f"{what}: {said}",
                is_below(gap, failed) if whole else UNDECIDED,
                f"{mean_interval(ours)[0]:.3g} against {mean_interval(theirs)[0]:.3g}, "
                f"difference {mean:+.3g} [{low:+.3g}, {high:+.3g}]",
            )
        )
    return found


def _smoother(records: list[Record], name: str) -> list[Claim]:
    word = "jumps" if name == "steadiness" else "turning"
    return [
        part
        for wgan in WGANS
        for gan in GANS
        for part in _paired(by_place(records), wgan, gan, word, lambda r: unpack(r[name]))
    ]


def tracks(record: Record) -> str:
    """Whether the loss follows the exact W1 along training; failed runs cannot hold."""
    verdict = negation(below(unpack(record["rank_correlation"]), TRACKS))
    return UNDECIDED if record["failed"] and verdict == HOLDS else verdict


def _followed(records: list[Record], name: str) -> list[Claim]:
    found = []
    for where, r in _everywhere(records, name):
        what = f"the loss of {label(r)} follows W1 on {where}"
        numbers = "" if is_lost(r) else f"Spearman {text(unpack(r['rank_correlation']))}"
        found.append(not_run(what) if is_lost(r) else Claim(what, tracks(r), numbers))
    return found


def _meaningful(records: list[Record], name: str) -> Claim:
    return joint(f"The loss of {LABELS[name]} is meaningful", _followed(records, name))


def _meaningless(records: list[Record], name: str) -> Claim:
    parts = opposite(_followed(records, name))
    return joint(f"The loss of {LABELS[name]} is not meaningful", parts)


def _stability(records: list[Record]) -> list[Claim]:
    """One claim for each generator that was varied."""
    return [
        joint(
            f"{LABELS[name]} is stable over architectures and rates",
            [_nearly_works(r) for r in _of(records, name)],
        )
        for name in dict.fromkeys(map(name_of, records))
    ]


def _nearly_works(record: Record) -> Claim:
    what = f"{varied(record)}: nearly works"
    if is_lost(record):
        return not_run(what)
    return Claim(what, is_within(record, ACCEPTABLE), f"fault {text(fault(record))}")


def varied(record: Record) -> str:
    """The setting of a varied record, with its rate."""
    return f"{setting(record)}, rate {record['parameters']['rate']:g}"


def _modes(records: list[Record], names: tuple[str, ...]) -> list[Claim]:
    found = []
    for record in (r for name in names for r in _of(_of_mixture(records), name)):
        what = f"{label(record)} finds all modes"
        if is_lost(record):
            found.append(not_run(what))
            continue
        modes = unpack(record["modes"])
        whole = in_every_run(modes >= len(record["known_classes"]))
        found.append(Claim(what, whole, f"modes {text(modes)}"))
    return found


def _of_mixture(records: list[Record]) -> list[Record]:
    return [r for r in records if r["parameters"]["dataset"] == MIXTURE]


def _weights(records: list[Record]) -> list[Claim]:
    places = by_place(_of_mixture(records))
    return [
        part
        for wgan in WGANS
        for gan in GANS
        for part in _paired(
            places, wgan, gan, "W1 of the weights", lambda r: unpack(r["weights_w1"])
        )
    ]


def _raced(records: list[Record], first: str, second: str) -> list[Claim]:
    """Exact W1 at the seconds of the fastest of all that race, place by place."""
    racing = {name for pair in EQUAL_SECONDS for name in pair}
    found = []
    for where, here in by_place(records).items():
        runners = [r for r in here if name_of(r) in racing]
        if not runners:
            continue
        place_alone = {where: runners}
        if reason := _no_race(runners):
            said = [said for said, *_ in _pairs(place_alone, first, second)]
            found += [not_run(f"W1 at equal seconds: {words}", reason) for words in said]
            continue
        seconds = min(float(seconds_along(r)[-1]) for r in runners)
        what = f"W1 at {seconds:.2g} s"
        found += _paired(place_alone, first, second, what, partial(at_seconds, seconds=seconds))
    return found


def _no_race(runners: list[Record]) -> str:
    """Why nobody knows the seconds of the fastest; empty where they are known."""
    if lost := [label(r) for r in runners if is_lost(r)]:
        return f"not run: {', '.join(lost)}"
    shared = [label(r) for r in runners if r.get("shared")]
    return f"shared the machine, no timing: {', '.join(shared)}" if shared else ""
