"""One GAN on one image set: several runs as one compiled program, measured afterwards."""

from __future__ import annotations

import base64
import time
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from wdist_bench import datasets
from wdist_bench.experiment import Experiment, register
from wdist_bench.protocol.parallel import map_runs, run_keys
from wdist_bench.results.journal import pack
from wdist_bench.runs.cell import thin
from wdist_bench.studies.generators.data import RealSide, Restriction, real_side
from wdist_bench.studies.generators.judging import measures
from wdist_bench.studies.generators.training import losses
from wdist_bench.studies.generators.training.gan_training import (
    Plan,
    Trained,
    geometric_snapshots,
    held_out_batches,
    train,
)
from wdist_bench.validation import check_flag, check_integer, check_name, check_number, check_seed

# The loss at a snapshot is the mean over this many generator steps before it.
_WINDOW = 20
# Held-out images of the first run that travel beside the generated ones.
_SHOWN_REAL = 12


@register
@dataclass(frozen=True, kw_only=True)
class Gan(Experiment):
    """Train one GAN on half of the images of some classes and hold it against the other half.

    W1 is Euclidean, exact, in units of pixels scaled to [-1, 1]. Every number is given per run;
    a run whose images are not finite counts as failed and has none.

    Attributes:
        loss: "saturating", "non_saturating", "funnel", or the name of a neural critic among the
            estimators.
        dataset: image set.
        split: its part, "" for the first.
        classes: labels that are kept, () for all.
        steps: generator steps.
        critic_steps: critic steps before each of them.
        batch_size: images of each kind in a minibatch.
        latent: dimension of the standard normal noise.
        hidden: widths of the hidden layers, of generator and critic alike.
        batch_norm: whether the generator normalises its hidden layers.
        rate: factor on the papers' learning rates of the loss.
        runs: independent runs: split of the images, initial weights, minibatches.
        n: generated images at the end, and held-out ones; fewer where half of the images is less.
        watched: the same along training.
        shown: generated images of the first run that are kept to be looked at.
        group: what the cell belongs to in the report: "losses" or "robustness".
        seed: seed of all runs.
    """

    name: ClassVar[str] = "gan"
    version: ClassVar[int] = 1

    loss: str
    dataset: str = "mnist"
    split: str = ""
    classes: tuple[int, ...] = ()
    steps: int = 3000
    critic_steps: int = 5
    batch_size: int = 64
    latent: int = 32
    hidden: tuple[int, ...] = (100, 100)
    batch_norm: bool = False
    rate: float = 1.0
    runs: int = 4
    n: int = 1000
    watched: int = 256
    shown: int = 64
    group: str = "losses"
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.loss, losses.names(), "loss")
        check_name(self.dataset, datasets.names(), "dataset")
        if self.split:
            check_name(self.split, datasets.splits(self.dataset), f"split of {self.dataset}")
        check_name(self.group, ("losses", "robustness"), "group")
        for option in ("steps", "critic_steps", "latent", "runs"):
            check_integer(getattr(self, option), option, 1)
        for option in ("batch_size", "n", "watched", "shown"):
            check_integer(getattr(self, option), option, 2)
        check_number(self.rate, "rate", above=0)
        check_seed(self.seed)
        check_flag(self.batch_norm, "batch_norm")
        check_integers(self.hidden, "hidden", 1)
        check_integers(self.classes, "classes", 0)

    @property
    def data_digest(self) -> str:
        """Which images lie here under the name of the set."""
        return self.restriction.data_digest()

    @property
    def restriction(self) -> Restriction:
        """Which images the generator learns: their data set, part and classes."""
        return Restriction(self.dataset, self.split, self.classes)

    def plan(self, count: int, maximum: int) -> Plan:
        """The sizes of a run on `count` images."""
        n = min(self.n, count // 2)
        return Plan(
            self.steps,
            self.critic_steps,
            self.batch_size,
            self.latent,
            self.hidden,
            self.batch_norm,
            maximum,
            geometric_snapshots(self.steps),
            min(self.watched, n),
            n,
        )

    def run(self) -> dict[str, Any]:
        """Train all runs, then measure each."""
        images, pixels = self.restriction.images(), self.restriction.pixels()
        plan = self.plan(len(pixels), images.maximum)
        loss = losses.build(self.loss, plan.hidden, self.rate)
        trained, compiling, running = map_runs(
            partial(train, plan, loss), run_keys(self.seed, self.runs), pixels
        )
        start = time.perf_counter()
        measured = [
            self._measure(Trained(*(a[i] for a in trained)), plan, len(pixels), i)
            for i in range(self.runs)
        ]
        failed = sum(not row["finite"] for row in measured)
        steps, history = thin(trained.history)
        first = self._real(plan, 0).held_out
        return {
            "status": "diverged" if failed else "ok",
            "message": message(failed, self.runs),
            "runs": self.runs,
            "failed": failed,
            "compile_seconds": round(compiling, 4),
            "run_seconds": round(running, 4),
            "measure_seconds": round(time.perf_counter() - start, 4),
            "images": len(pixels),
            "image_shape": list(images.shape),
            "known_classes": list(self.restriction.known_classes()),
            "points": plan.n,
            "points_watched": plan.watched,
            "k": measures.centre_count(len(pixels) // 2),
            "snapshots": list(plan.snapshots),
            "history_steps": steps,
            "history": pack(history),
            "grid": encoded(trained.images[0][: self.shown]),
            "real": encoded(first[:_SHOWN_REAL]),
            **columns(measured),
        }

    @classmethod
    def write(cls, folder: Path, records: list[dict[str, Any]]) -> list[Path]:
        """Tables, claims and figures of all cells."""
        from wdist_bench.studies.generators.gan.report import write_gan

        return write_gan(folder, records)

    def _real(self, plan: Plan, run: int) -> RealSide:
        return real_side(self.restriction, self.seed, self.runs, run, plan.n, plan.watched)

    def _measure(self, trained: Trained, plan: Plan, count: int, run: int) -> dict[str, Any]:
        """The distances and counts that a record holds of one trained generator."""
        real = self._real(plan, run)
        stops = np.asarray(plan.snapshots)
        at_snapshots = np.array(
            [trained.history[max(0, stop - _WINDOW) : stop].mean() for stop in stops]
        )
        ours, centres = trained.images, real.centres.points
        finite = bool(np.isfinite(ours).all() and np.isfinite(trained.history).all())
        batches, size = held_out_batches(count, plan.n, plan.batch_size)
        rows = np.arange(batches * size).reshape(batches, size)
        along = np.array(
            [measures.exact_distance(x, real.held_out[: plan.watched]) for x in trained.watched]
        )
        return {
            "finite": finite,
            "w1": measures.exact_distance(ours, real.held_out) if finite else np.nan,
            "floor": real.floor,
            "w1_centres": real.centres_distance,
            "w1_along": along,
            "floor_along": real.watched_floor,
            "loss_along": at_snapshots,
            "rank_correlation": measures.rank_correlation(at_snapshots, along[1:]),
            "centre_distance": measures.nearest(ours, centres).mean() if finite else np.nan,
            "centre_distance_real": real.centres.reference,
            "diversity": measures.diversity(ours) if finite else np.nan,
            "diversity_real": real.diversity,
            "values": trained.values,
            "exact": np.array([measures.exact_distance(real.held_out[r], ours[r]) for r in rows]),
            **self._classes(ours if finite else None),
        }

    def _classes(self, images: np.ndarray | None) -> dict[str, Any]:
        """Shares of the data set's classes, and how many of the trained ones are covered."""
        known, classes = self.restriction.known(), self.restriction.known_classes()
        if known is None:
            return {}
        if images is None:
            return {"class_shares": np.full(len(np.unique(known[1])), np.nan), "covered": np.nan}
        shares = measures.class_shares(images, *known)
        return {
            "class_shares": np.array(list(shares.values())),
            "covered": measures.classes_covered(shares, classes),
        }


def check_integers(numbers: Any, option: str, minimum: int) -> None:
    """A tuple of whole numbers of at least `minimum`."""
    if not isinstance(numbers, tuple):
        raise ValueError(
            f"{option}: expected a tuple of whole numbers, got {numbers!r:.60}; write (100, 100)"
        )
    for number in numbers:
        check_integer(number, option, minimum)


def message(failed: int, runs: int) -> str:
    """What a record says of runs that failed; empty where none did."""
    if not failed:
        return ""
    return f"{failed} of {runs} runs met NaN or inf; lower `rate`"


def columns(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Per-run numbers as one list per name, runs first."""
    return {
        name: pack(np.array([row[name] for row in measured], np.float64))
        for name in measured[0]
        if name != "finite"
    }


def encoded(images: np.ndarray) -> str:
    """Images in [-1, 1], (n, dim), as base64 of zlib of n x dim bytes, -1 as 0 and 1 as 255."""
    whole = np.nan_to_num(np.asarray(images), nan=-1.0).clip(-1, 1)
    pixels = np.round((whole + 1) * 127.5).astype(np.uint8)
    return base64.b64encode(zlib.compress(pixels.tobytes(), 9)).decode("ascii")
