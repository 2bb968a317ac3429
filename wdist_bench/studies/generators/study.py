"""One generator on one set of rows: several runs as one compiled program, judged afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import jax
import numpy as np

from wdist_bench.experiment import Experiment, register
from wdist_bench.protocol.parallel import map_runs, run_keys, share_count
from wdist_bench.results.journal import pack
from wdist_bench.runs.cell import thin
from wdist_bench.studies.generators import methods
from wdist_bench.studies.generators.gan.experiment import check_integers, columns, encoded, message
from wdist_bench.studies.generators.judging import measures
from wdist_bench.studies.generators.judging.controls import CONTROLS
from wdist_bench.studies.generators.judging.judge import Split, judged, split
from wdist_bench.studies.generators.methods import DIFFUSIONS, Method, Sizes, Space, Trained
from wdist_bench.studies.generators.pool import MIXTURE, Pool
from wdist_bench.studies.generators.pool import names as datasets
from wdist_bench.studies.generators.training.gan_training import geometric_snapshots
from wdist_bench.validation import check_flag, check_integer, check_name, check_number, check_seed

T = TypeVar("T")
GROUPS = ("comparison", "architectures")
# The loss at a snapshot is the mean over this many steps before it.
_WINDOW = 20
_SNAPSHOTS = 9


class Made(NamedTuple):
    """What the generator of one run is judged by.

    Attributes:
        rows: (n, d) of the trained generator.
        labels: (n,) that it says they have, or None.
        watched: (1 + snapshots, watched, d) along training; empty for controls.
        numbers: of the training: loss, gradients.
    """

    rows: np.ndarray
    labels: np.ndarray | None
    watched: np.ndarray
    numbers: dict[str, np.ndarray]


class Costs(NamedTuple):
    """Seconds of one run on one core, seconds of 1,000 rows, parameters, seconds in all."""

    training: float = 0.0
    drawing: float = 0.0
    parameters: int = 0
    compiling: float = 0.0
    running: float = 0.0


@register
@dataclass(frozen=True, kw_only=True)
class Generators(Experiment):
    """Train one generator on half of the rows and hold it against the other half.

    Every number is given per run; a run whose rows are not finite counts as failed and has none.
    Distances are Euclidean, of pixels scaled to [-1, 1].

    Attributes:
        generator: one of `methods.names()`, or a control: "held_out", "memoriser", "mean_image".
        dataset: an image set, or "mixture", eight Gaussians with known weights.
        classes: labels that are kept, () for all; not of the mixture, whose modes all count.
        most: rows that are taken of the set.
        steps: of the generator.
        critic_steps: critic steps before each; diffusion makes as many updates in all.
        batch_size: rows of each kind in a minibatch.
        latent: dimension of the noise.
        hidden: widths of the hidden layers, of generator and critic alike.
        batch_norm: whether the generator normalises its hidden layers; not for diffusion.
        rate: factor on the learning rates of `methods.RATES`.
        runs: independent runs: split of the rows, initial weights, minibatches.
        n: generated rows at the end, and held-out ones; at most a quarter of all rows.
        watched: the same along training.
        shown: generated rows of the first run that are kept to be looked at.
        group: "comparison", or "architectures" where the sizes are varied.
        seed: of all runs.
    """

    name: ClassVar[str] = "generator"
    version: ClassVar[int] = 1
    study: ClassVar[str] = "generators"

    generator: str
    dataset: str = MIXTURE
    classes: tuple[int, ...] = ()
    most: int = 4000
    steps: int = 1500
    critic_steps: int = 5
    batch_size: int = 64
    latent: int = 32
    hidden: tuple[int, ...] = (128, 128)
    batch_norm: bool = False
    rate: float = 1.0
    runs: int = 4
    n: int = 500
    watched: int = 200
    shown: int = 64
    group: str = "comparison"
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.generator, [*methods.names(), *CONTROLS], "generator")
        check_name(self.dataset, datasets(), "dataset")
        check_name(self.group, GROUPS, "group")
        for option in ("steps", "critic_steps", "latent", "runs"):
            check_integer(getattr(self, option), option, 1)
        for option, least in (("batch_size", 2), ("n", 20), ("watched", 2), ("shown", 2)):
            check_integer(getattr(self, option), option, least)
        check_integer(self.most, "most", 80)
        check_number(self.rate, "rate", above=0)
        check_seed(self.seed)
        check_flag(self.batch_norm, "batch_norm")
        if self.batch_norm and self.generator in DIFFUSIONS:
            raise ValueError(
                f"batch_norm: expected False for {self.generator}, got True; a minibatch mixes "
                "noise levels there, and rows that are drawn have one"
            )
        check_integers(self.hidden, "hidden", 1)
        check_integers(self.classes, "classes", 0)
        if self.classes and self.dataset == MIXTURE:
            raise ValueError(
                f"classes: expected () for {MIXTURE}, got {self.classes}; its eight modes all count"
            )

    @property
    def pool(self) -> Pool:
        """The real rows."""
        return Pool(self.dataset, self.classes, self.most)

    @property
    def data_digest(self) -> str:
        """Which images lie here under the name of the set."""
        return self.pool.data_digest()

    @property
    def sizes(self) -> Sizes:
        """What all generators have in common."""
        stops = geometric_snapshots(self.steps, _SNAPSHOTS)
        return Sizes(self.steps, self.critic_steps, self.batch_size, self.latent, self.hidden,
                     self.batch_norm, self.rate, stops)  # fmt: skip

    def run(self) -> dict[str, Any]:
        """Train all runs, then judge each."""
        rows = self.pool.rows()
        n = min(self.n, len(rows.points) // 4)
        watched = min(self.watched, n)
        sides = on_cores(
            lambda i: split(self.pool, self.seed, self.runs, i, n, watched), range(self.runs)
        )
        control = self.generator in CONTROLS
        made, costs = self._controls(sides) if control else self._trained(n, watched)
        start = time.perf_counter()
        found = on_cores(_measured, made, sides)
        failed = sum(not row["finite"] for row in found)
        eyes = sides[0].eyes
        steps, history = thin(np.array([one.numbers["history"] for one in made]))
        return {
            "status": "diverged" if failed else "ok",
            "message": message(failed, self.runs),
            "runs": self.runs,
            "failed": failed,
            "compile_seconds": round(costs.compiling, 4),
            "run_seconds": round(costs.running, 4),
            "measure_seconds": round(time.perf_counter() - start, 4),
            "train_seconds": costs.training,
            "draw_seconds": costs.drawing,
            "weights": costs.parameters,
            "rows": len(rows.points),
            "points": n,
            "points_watched": watched,
            "image_shape": list(rows.shape),
            "known_classes": list(rows.classes),
            "accuracy": None if eyes is None else eyes.accuracy,
            "snapshots": [] if control else list(self.sizes.stops),
            "history_steps": steps,
            "history": pack(history),
            **self._shown(made[0].rows, sides[0].held_out, bool(rows.shape)),
            **columns(found),
        }

    @classmethod
    def write(cls, folder: Path, records: list[dict[str, Any]]) -> list[Path]:
        """Tables, claims and figures of all cells."""
        from wdist_bench.studies.generators.report import write_generators

        return write_generators(folder, records)

    def _shown(self, rows: np.ndarray, real: np.ndarray, pictures: bool) -> dict[str, Any]:
        """The first rows of the first run, as they come."""
        if pictures:
            return {"grid": encoded(rows[: self.shown]), "real": encoded(real[: self.shown])}
        return {"points_shown": pack(rows), "points_real": pack(real)}

    def _controls(self, sides: list[Split]) -> tuple[list[Made], Costs]:
        """Rows of a control; of no training."""
        made = []
        nothing = np.zeros(0)
        for run, side in enumerate(sides):
            generator = np.random.default_rng([self.seed, run, 47])
            rows, labels = CONTROLS[self.generator](side, generator, len(side.held_out))
            numbers = {"history": nothing, "loss_along": nothing, "steadiness": np.array(np.nan),
                       "turning": np.array(np.nan)}  # fmt: skip
            made.append(Made(rows, labels, np.zeros((0, 0, rows.shape[1])), numbers))
        return made, Costs()

    def method(self) -> Method:
        """The generator with its training."""
        rows = self.pool.rows()
        counts = None if rows.labels is None else np.bincount(rows.labels)
        shares = () if counts is None else tuple(float(c) for c in counts / counts.sum())
        space = Space(rows.points.shape[1], rows.shape, rows.reach, shares)
        return methods.build(self.generator, space, self.sizes)

    def _trained(self, n: int, watched: int) -> tuple[list[Made], Costs]:
        """Rows of a trained generator, at the end and along its training."""
        method = self.method()
        trained, compiling, running = train_all(self, method)
        last = jax.tree.map(lambda leaf: leaf[:, -1:], trained.parameters)
        rows, _ = drawn(method, n, self.seed, last)
        along, seconds = drawn(method, watched, self.seed + 1, trained.parameters)
        drawing = seconds / (along.shape[0] * along.shape[1] * watched) * 1000
        numbers = sum(leaf[0, 0].size for leaf in jax.tree.leaves(trained.parameters))
        cores = share_count(self.runs) if jax.default_backend() == "cpu" else self.runs
        made = [self._made(trained, rows[i, 0], along[i], i) for i in range(self.runs)]
        return made, Costs(running * cores / self.runs, drawing, numbers, compiling, running)

    def _made(self, trained: Trained, rows: np.ndarray, along: np.ndarray, run: int) -> Made:
        pool = self.pool.rows()
        dim = pool.points.shape[1]
        labels = None
        if rows.shape[1] > dim:
            labels = np.asarray(pool.classes)[rows[:, dim:].argmax(1)]
        history = trained.history[run]
        stops = self.sizes.stops
        at = np.array([history[max(0, stop - _WINDOW) : stop].mean() for stop in stops])
        numbers = {"history": history, "loss_along": at}
        numbers |= smoothness(trained.norms[run], trained.cosines[run])
        return Made(rows[:, :dim].astype(np.float64), labels, along[:, :, :dim], numbers)


def train_all(experiment: Generators, method: Method) -> Any:
    """All runs trained: `Trained`, seconds of compiling and of running."""
    rows = experiment.pool.rows()
    points = rows.points
    if method.label_weight:
        one_hot = np.eye(len(rows.classes), dtype=np.float32)[rows.labels]
        points = np.concatenate([points, np.float32(method.label_weight) * one_hot], 1)
    keys = run_keys(experiment.seed, experiment.runs)
    return map_runs(partial(methods.train, method, experiment.sizes), keys, points)


def drawn(method: Method, n: int, seed: int, parameters: Any) -> tuple[np.ndarray, float]:
    """(runs, k, n, d) rows of parameters (runs, k, ...), and the seconds without compiling."""
    program = jax.jit(partial(methods.draw_rows, method.model, n))
    key = jax.random.fold_in(jax.random.key(seed), 53)
    ready = program.lower(key, parameters).compile()
    start = time.perf_counter()
    rows = np.asarray(jax.block_until_ready(ready(key, parameters)))
    return rows, time.perf_counter() - start


def smoothness(norms: np.ndarray, cosines: np.ndarray) -> dict[str, np.ndarray]:
    """How the generator's gradient changes from step to step in the second half of training.

    Returns:
        "steadiness": mean of |log |g_(t+1)| - log |g_t||, 0 for a constant length, NaN where a
        gradient vanished; "turning": 1 - mean cosine of g_(t+1) and g_t.
    """
    half = len(norms) // 2
    lengths = norms[half:]
    vanished = not (lengths > 0).all() or len(lengths) < 2
    jumps = np.nan if vanished else np.abs(np.diff(np.log(lengths))).mean()
    return {"steadiness": np.array(jumps), "turning": np.array(1 - cosines[half:].mean())}


def on_cores(function: Callable[..., T], *each: Iterable[Any]) -> list[T]:
    """`map`, a core a run, and BLAS with one thread for each.

    BLAS's own threads wait for one another on the small matrices here: beside other programs on two
    cores, two runs on MNIST took 66 s to measure with them, and four runs 8 s without.
    """
    from threadpoolctl import threadpool_limits

    rows = list(zip(*each, strict=True))
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(share_count(len(rows))) as cores:
        return list(cores.map(lambda row: function(*row), rows))


def _measured(made: Made, real: Split) -> dict[str, Any]:
    """The numbers that a record holds of one generator."""
    finite = bool(np.isfinite(made.rows).all() and np.isfinite(made.numbers["history"]).all())
    held_out = real.held_out[: made.watched.shape[1]]
    along = np.array([measures.exact_distance(rows, held_out) for rows in made.watched])
    numbers = {name: value for name, value in made.numbers.items() if name != "history"}
    return {
        "finite": finite,
        "w1_along": along,
        "floor_along": np.array(real.watched_floor),
        "rank_correlation": np.array(
            measures.rank_correlation(numbers["loss_along"], along[1:]) if len(along) else np.nan
        ),
        **numbers,
        **judged(made.rows, made.labels, real, nothing=not finite),
    }
