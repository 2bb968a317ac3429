"""How often `population_interval` of a task misses a distance that is known, law by law.

Each law is a pair with a truth in closed form, and none of them served to choose a threshold of
the method. A scaled law moves every point along its ray, a larger law that is made by adding
something non-negative moves mass in one direction: both have W_p at hand. `misses_below` counts
answers whose upper end is below the truth, `misses_above` those whose lower end is above it; an
answer's statement is 5 % for both together. The critic is `group_sort` with 200 steps, cheap and
far from the best: the lower end is as valid, only lower.

Run: python benchmarks/claims/population_stream.py [--runs 30]
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import pandas as pd
import typer
from scipy.special import gamma
from two_sample import clopper_pearson

import wdist_bench as wb

N, EVAL_BATCHES, STEPS = 256, 20, 200
Draw = Callable[[jax.Array, int], jax.Array]


class Law(NamedTuple):
    """A pair of laws.

    Attributes:
        kind: group of the table.
        p: exponent of the cost.
        truth: W_p.
        x: points of mu, (n,) or (n, d), from a key and n.
        y: points of nu.
    """

    kind: str
    p: int
    truth: float
    x: Draw
    y: Draw


def scaled(kind: str, p: int, factor: float, moment: float, draw: Draw) -> Law:
    """X against factor X: W_p = |factor - 1| (E |X|^p)^(1/p), `moment` = E |X|^p."""
    truth = abs(factor - 1) * moment ** (1 / p)
    return Law(kind, p, truth, draw, lambda key, n: factor * draw(key, n))


def contaminated(share: float, far: float) -> Law:
    """N(0, I_2) against itself with `far` added to the first coordinate of a share of the points.

    W_1 = share far: the mean moves that far, and so does the coupling that adds it.
    """

    def draw(key: jax.Array, n: int) -> jax.Array:
        bulk, rare = jax.random.split(key)
        # An exponential variable is below s with probability 1 - e^-s; float32 keeps small ones.
        hit = jax.random.exponential(rare, (n,)) < -math.log1p(-share)
        return jax.random.normal(bulk, (n, 2)) + far * jnp.stack([hit, 0 * hit], axis=1)

    return Law("contaminated", 1, share * far, _normal(2), draw)


def _normal(dim: int, mean: float = 0.0) -> Draw:
    return lambda key, n: mean + jax.random.normal(key, (n, dim))


def _pareto(index: float) -> Draw:
    return lambda key, n: jnp.exp(jax.random.exponential(key, (n,)) / index)


def _lognormal(sigma: float) -> Draw:
    return lambda key, n: jnp.exp(sigma * jax.random.normal(key, (n,)))


def _weibull(shape: float) -> Draw:
    return lambda key, n: jax.random.exponential(key, (n,)) ** (1 / shape)


def _student(df: float, dim: int) -> Draw:
    def draw(key: jax.Array, n: int) -> jax.Array:
        above, below = jax.random.split(key)
        chi2 = 2 * jax.random.gamma(below, df / 2, (n, 1))
        return jax.random.normal(above, (n, dim)) * jnp.sqrt(df / chi2)

    return draw


def _student_moment(df: float) -> float:
    """E |X| of Student's law in the plane: sqrt(pi / 2) E (df / chi^2_df)^(1/2)."""
    return math.sqrt(math.pi / 2 * df / 2) * gamma((df - 1) / 2) / gamma(df / 2)


def _poisson(rate: float) -> Draw:
    return lambda key, n: jax.random.poisson(key, rate, (n,)).astype(jnp.float32)


def _coins(share: float, far: float = 1.0) -> Draw:
    return lambda key, n: far * jax.random.bernoulli(key, share, (n,)).astype(jnp.float32)


def _one_hot(*shares: float) -> Draw:
    def draw(key: jax.Array, n: int) -> jax.Array:
        chosen = jax.random.choice(key, len(shares), (n,), p=jnp.array(shares))
        return jax.nn.one_hot(chosen, len(shares))

    return draw


def _inflated(share: float) -> Draw:
    def draw(key: jax.Array, n: int) -> jax.Array:
        one, two = jax.random.split(key)
        return jax.random.bernoulli(one, share, (n,)) * jax.random.exponential(two, (n,))

    return draw


LAWS: dict[str, Law] = {
    "normal, equal": Law("light", 1, 0.0, _normal(2), _normal(2)),
    "normal in 5 dimensions, moved": Law("light", 1, 5**0.5, _normal(5), _normal(5, 1.0)),
    "exponential, scaled": scaled("light", 1, 1.5, 1.0, _weibull(1)),
    "exponential, scaled, p = 2": scaled("light", 2, 1.5, 2.0, _weibull(1)),
    "normal in the plane, scaled, p = 2": scaled("light", 2, 1.3, 2.0, _normal(2)),
    "Weibull 0.6, scaled": scaled("long", 1, 1.4, gamma(1 + 1 / 0.6), _weibull(0.6)),
    "Weibull 0.35, scaled": scaled("long", 1, 1.4, gamma(1 + 1 / 0.35), _weibull(0.35)),
    "Weibull 0.7, scaled, p = 2": scaled("long", 2, 1.4, gamma(1 + 2 / 0.7), _weibull(0.7)),
    "log-normal 0.8, scaled": scaled("long", 1, 1.5, math.exp(0.32), _lognormal(0.8)),
    "log-normal 1.4, scaled": scaled("long", 1, 1.5, math.exp(0.98), _lognormal(1.4)),
    "log-normal 0.4, scaled, p = 2": scaled("long", 2, 1.5, math.exp(0.32), _lognormal(0.4)),
    "Student 6 in the plane, scaled": scaled("heavy", 1, 1.6, _student_moment(6), _student(6, 2)),
    "Student 4 in the plane, scaled": scaled("heavy", 1, 1.6, _student_moment(4), _student(4, 2)),
    "Student 3 in the plane, scaled": scaled("heavy", 1, 1.6, _student_moment(3), _student(3, 2)),
    "Student 5 in the plane, scaled, p = 2": scaled("heavy", 2, 1.6, 10 / 3, _student(5, 2)),
    "Pareto 1.7, scaled": scaled("heavy", 1, 2.0, 1.7 / 0.7, _pareto(1.7)),
    "Pareto 2.6, scaled": scaled("heavy", 1, 2.0, 2.6 / 1.6, _pareto(2.6)),
    "Pareto 4, scaled": scaled("heavy", 1, 2.0, 4 / 3, _pareto(4)),
    "Pareto 5, scaled": scaled("heavy", 1, 2.0, 5 / 4, _pareto(5)),
    "Pareto 3.5, scaled, p = 2": scaled("heavy", 2, 2.0, 3.5 / 1.5, _pareto(3.5)),
    "Poisson 2 and 3": Law("discrete", 1, 1.0, _poisson(2), _poisson(3)),
    "coins 0.5 and 0.6": Law("discrete", 1, 0.1, _coins(0.5), _coins(0.6)),
    "coins 0.01 and 0.03": Law("discrete", 1, 0.02, _coins(0.01), _coins(0.03)),
    "coins 0.5 and 0.6, p = 2": Law("discrete", 2, 0.1**0.5, _coins(0.5), _coins(0.6)),
    "one-hot, shares moved": Law(
        "discrete", 1, 0.2 * 2**0.5, _one_hot(0.4, 0.3, 0.2, 0.1), _one_hot(0.3, 0.2, 0.3, 0.2)
    ),
    "zeros inflated": Law("discrete", 1, 0.2, _inflated(0.3), _inflated(0.5)),
    "equal points": Law("discrete", 1, 0.0, _coins(0.0), _coins(0.0)),
    "5e-2 at 20": contaminated(5e-2, 20.0),
    "8e-3 at 100": contaminated(8e-3, 100.0),
    "2e-3 at 1e3": contaminated(2e-3, 1e3),
    "3e-4 at 1e4": contaminated(3e-4, 1e4),
    "3e-5 at 1e4": contaminated(3e-5, 1e4),
    "1e-2 at 30 alone, p = 2": Law("contaminated", 2, 3.0, _coins(0.0), _coins(0.01, 30.0)),
    "1e-4 at 1e3 alone, p = 2": Law("contaminated", 2, 10.0, _coins(0.0), _coins(1e-4, 1e3)),
}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LawSampler(wb.Sampler):
    """Independent points of a pair in `LAWS`; the one leaf is there to be traced."""

    name: str = field(metadata={"static": True})
    size: int = field(metadata={"static": True})

    @property
    def dim(self) -> int:
        """Dimension of the points."""
        return self.size

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """n points of each law in float32."""
        law = LAWS[self.name]
        key_x, key_y = jax.random.split(key)
        x, y = law.x(key_x, n), law.y(key_y, n)
        return x.reshape(n, -1).astype(jnp.float32), y.reshape(n, -1).astype(jnp.float32)


@dataclass(frozen=True)
class LawTask(wb.Task):
    """A pair in `LAWS`; it has no truth of its own, so that nothing can use it."""

    name = "simulated_law"
    reference = "see LAWS"

    law: str = ""

    def sampler(self) -> wb.Sampler:
        """The pair's."""
        shape = jax.eval_shape(lambda key: LAWS[self.law].x(key, 2), jax.random.key(0)).shape
        return LawSampler(self.law, math.prod(shape[1:]))

    def truth(self, p: int = 1, norm: str = "l2") -> wb.Truth | None:
        """None."""
        return None


def simulate(name: str, runs: int, first_seed: int = 0, **options: Any) -> dict[str, Any]:
    """Counts over `runs` seeds of one law."""
    law = LAWS[name]
    critic = wb.estimators.get("group_sort", steps=STEPS)
    settings: dict[str, Any] = {"n": N, "eval_batches": EVAL_BATCHES, "critic": critic} | options
    answers = [
        wb.population_interval(LawTask(name), p=law.p, seed=seed, **settings)
        for seed in range(first_seed, first_seed + runs)
    ]
    kept = [a for a in answers if a.status == "ok"]
    if any(not 0 <= a.lower < a.upper for a in kept):
        raise RuntimeError(f"{name}: an answer breaks 0 <= lower < upper")
    # Sums of float32 coins carry their rounding, 1e-7 of the value.
    room = 1e-6 * law.truth
    return {
        "law": name,
        "kind": law.kind,
        "p": law.p,
        "truth": law.truth,
        "runs": runs,
        "answers": len(kept),
        "misses_below": sum(bool(a.upper < law.truth - room) for a in kept),
        "misses_above": sum(bool(a.lower > law.truth + room) for a in kept),
        "mean_lower": sum(a.lower for a in kept) / len(kept) if kept else math.nan,
        "mean_upper": sum(a.upper for a in kept) / len(kept) if kept else math.nan,
        "refusals": runs - len(kept),
        "why": next((_reason(a.message) for a in answers if a.status != "ok"), ""),
    }


def _reason(message: str) -> str:
    for words in ("tail index", "too rare", "same cost", "not below"):
        if words in message:
            return words
    return message


def with_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """The laws, then a row for every kind and one for all, with shares of misses and bands."""
    counts = ["runs", "answers", "misses_below", "misses_above", "refusals"]
    kinds = rows.groupby("kind", sort=False)[counts].sum().reset_index()
    kinds.insert(0, "law", "all " + kinds["kind"])
    total = rows[counts].sum().to_frame().T.assign(law="all", kind="")
    table = pd.concat([rows, kinds, total], ignore_index=True)
    misses = table["misses_below"] + table["misses_above"]
    bands = [clopper_pearson(int(m), int(a)) for m, a in zip(misses, table["answers"], strict=True)]
    table["missed"] = misses / table["answers"].where(table["answers"] > 0)
    table["missed_low"], table["missed_high"] = zip(*bands, strict=True)
    table["refused"] = table["refusals"] / table["runs"]
    return table


def main(
    runs: Annotated[int, typer.Option(help="Seeds of each law.")] = 30,
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = Path("results/claims"),
) -> None:
    """Simulate all laws and write the table."""
    rows = []
    for name in LAWS:
        start = time.perf_counter()
        rows.append(simulate(name, runs))
        counts = {k: rows[-1][k] for k in ("answers", "misses_below", "misses_above", "why")}
        typer.echo(f"{name}: {counts} in {time.perf_counter() - start:.0f} s")
        jax.clear_caches()  # every law is a program of its own
    write(with_shares(pd.DataFrame(rows)), runs, out)


def write(table: pd.DataFrame, runs: int, out: Path) -> None:
    """population_stream.csv and .md."""
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "population_stream.csv", index=False, float_format="%.6g")
    shown = table.drop(columns="runs").astype(object)
    text = (
        "# How often `population_interval` of a task misses the distance of two populations\n\n"
        f"{runs} seeds a law, n = {N}, {EVAL_BATCHES} batches, critic `group_sort` with {STEPS} "
        "steps. Stated: at most 5 % of answers miss. `misses_below`: the upper end is below the "
        "truth; `misses_above`: the lower end is above it. `missed`: share of the answers with its "
        "95 % Clopper-Pearson band. `refused`: share of the runs; `why`: words of the first "
        "refusal. Written by `python benchmarks/claims/population_stream.py`.\n\n"
        f"{shown.where(shown.notna(), '').to_markdown(index=False, floatfmt='.3g')}\n"
    )
    (out / "population_stream.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
