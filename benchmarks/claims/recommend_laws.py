"""Laws whose distance is known by another route than `recommend` uses, none of its task families.

Routes: quantile functions on the line (midpoints of 400,000 equal parts of (0, 1); by exact sums
for laws on the integers), a common independent factor (W_p(a x g, b x g) = W_p(a, b)), separable
costs of products (p = 2), Bures' formula for elliptical laws (p = 2), radii of isotropic laws, and
the linear programme of two laws on the same finite support.

Used while `recommend` was written, and so not in this list: a coin (.5 against .8), one-hot with
five categories, the same times three beside two normal columns, shifted normals in dimension 3 and
50, two clusters in the plane with weights .5 and .65, 5 % of a plane normal moved by (20, 5), and a
normal in dimension 5 dilated by 1.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.studies.coverage import pairs

Generator = np.random.Generator
Sampler = Callable[[Generator, int], np.ndarray]
_PARTS = 400_000


@dataclass(frozen=True, eq=False)
class Pair:
    """Two laws.

    Attributes:
        name: in the table.
        x: n independent rows of mu.
        y: n independent rows of nu.
        truth: W_p by p.
        ps: exponents for which it is known.
        route: how.
    """

    name: str
    x: Sampler
    y: Sampler
    truth: Callable[[int], float]
    ps: tuple[int, ...] = (1, 2)
    route: str = "quantiles"


def quantile_truth(first: Callable, second: Callable, p: int) -> float:
    """(int_0^1 |F^-1 - G^-1|^p)^(1/p) by midpoints."""
    u = (np.arange(_PARTS) + 0.5) / _PARTS
    return float(np.mean(np.abs(first(u) - second(u)) ** p) ** (1 / p))


def finite_truth(points: np.ndarray, first: np.ndarray, second: np.ndarray, p: int) -> float:
    """The linear programme of two laws on the same points."""
    cost = Cost(p)
    solution = solve_exact(cost.matrix(points, points), first, second)
    if not solution.converged:
        raise ArithmeticError(solution.message)
    return cost.root(solution.cost)


def on_line(
    name: str, mu: object, nu: object, common: Sampler | None = None, ps: tuple[int, ...] = (1, 2)
) -> Pair:
    """Two laws on the line by quantiles, beside a common independent factor."""

    def sampler(law: object) -> Sampler:
        def draw(generator: Generator, n: int) -> np.ndarray:
            line = np.asarray(law.rvs(size=n, random_state=generator), float).reshape(n, 1)
            return line if common is None else np.hstack([line, common(generator, n)])

        return draw

    route = "quantiles" if common is None else "quantiles, common factor"
    return Pair(
        name, sampler(mu), sampler(nu), lambda p: quantile_truth(mu.ppf, nu.ppf, p), ps, route
    )


class Mixture(pairs.Mixture):
    """A mixture of laws on the line that can be drawn from."""

    def rvs(self, size: int, random_state: Generator) -> np.ndarray:
        """Draws."""
        chosen = random_state.choice(len(self.laws), size, p=self.weights)
        draws = [law.rvs(size=size, random_state=random_state) for law in self.laws]
        return np.choose(chosen, draws)


class Zeros(pairs.Zeros):
    """0 with some probability, else a positive law, that can be drawn from."""

    def rvs(self, size: int, random_state: Generator) -> np.ndarray:
        """Draws."""
        zero = random_state.uniform(size=size) < self.share
        return np.where(zero, 0.0, self.law.rvs(size=size, random_state=random_state))


class Rounded:
    """A law on the line rounded to multiples of a step."""

    def __init__(self, law: object, step: float) -> None:
        self.law, self.step = law, step

    def rvs(self, size: int, random_state: Generator) -> np.ndarray:
        """Draws."""
        return np.round(self.law.rvs(size=size, random_state=random_state) / self.step) * self.step

    def ppf(self, u: np.ndarray) -> np.ndarray:
        """Quantiles: rounding is monotone."""
        return np.round(self.law.ppf(u) / self.step) * self.step


def normals(dim: int) -> Sampler:
    """N(0, I)."""
    return lambda generator, n: generator.normal(size=(n, dim))


def finite(name: str, points: np.ndarray, first: np.ndarray, second: np.ndarray) -> Pair:
    """Two laws on the same points."""
    first, second = first / first.sum(), second / second.sum()

    def draw(weights: np.ndarray) -> Sampler:
        return lambda generator, n: points[generator.choice(len(points), n, p=weights)]

    truth = cache(lambda p: finite_truth(points, first, second, p))
    return Pair(name, draw(first), draw(second), truth, route="LP of the two laws")


def elliptical(
    name: str, first: np.ndarray, second: np.ndarray, gap: np.ndarray, freedom: float = math.inf
) -> Pair:
    """Two laws with the scatter matrices `first` and `second` (normal, or Student's t)."""
    roots = [np.linalg.cholesky(matrix) for matrix in (first, second)]

    def draw(root: np.ndarray, center: np.ndarray) -> Sampler:
        def rows(generator: Generator, n: int) -> np.ndarray:
            found = generator.normal(size=(n, len(root))) @ root.T
            if math.isfinite(freedom):
                found /= np.sqrt(generator.chisquare(freedom, size=(n, 1)) / freedom)
            return found + center

        return rows

    def truth(p: int) -> float:
        from scipy.linalg import sqrtm

        scale = freedom / (freedom - 2) if math.isfinite(freedom) else 1.0
        half = np.real(sqrtm(first))
        cross = np.real(sqrtm(half @ second @ half))
        bures = np.trace(first) + np.trace(second) - 2 * np.trace(cross)
        return float(np.sqrt(gap @ gap + scale * bures))

    return Pair(name, draw(roots[0], 0 * gap), draw(roots[1], gap), truth, (2,), "Bures")


def products(name: str, first: list, second: list) -> Pair:
    """Products of laws on the line; p = 2, where the cost is a sum over coordinates."""

    def draw(laws: list) -> Sampler:
        return lambda generator, n: np.column_stack(
            [law.rvs(size=n, random_state=generator) for law in laws]
        )

    def truth(p: int) -> float:
        pairs = zip(first, second, strict=True)
        return math.sqrt(sum(quantile_truth(a.ppf, b.ppf, 2) ** 2 for a, b in pairs))

    return Pair(name, draw(first), draw(second), truth, (2,), "quantiles of coordinates")


def radial(
    name: str, dim: int, first: Callable, second: Callable, frame: np.ndarray | None = None
) -> Pair:
    """Isotropic laws by the quantile functions of their radii, in a subspace where one is given."""

    def draw(radius: Callable) -> Sampler:
        def rows(generator: Generator, n: int) -> np.ndarray:
            found = generator.normal(size=(n, dim))
            found /= np.linalg.norm(found, axis=1, keepdims=True)
            found *= radius(generator.uniform(size=n))[:, None]
            return found if frame is None else found @ frame

        return rows

    return Pair(
        name, draw(first), draw(second), lambda p: quantile_truth(first, second, p), route="radii"
    )


def laws() -> list[Pair]:
    """The list."""
    fixed = np.random.default_rng(2024)
    norm, expon, gamma = stats.norm, stats.expon, stats.gamma
    lattice = np.stack(np.meshgrid(np.arange(7.0), np.arange(7.0)), -1).reshape(-1, 2)
    answers = np.stack(np.meshgrid(*[np.arange(1.0, 6.0)] * 3), -1).reshape(-1, 3)
    shy, keen = np.array([0.1, 0.2, 0.4, 0.2, 0.1]), np.array([0.05, 0.1, 0.3, 0.35, 0.2])

    def of(*weights: np.ndarray) -> np.ndarray:
        given = zip(weights, answers.astype(int).T, strict=True)
        return np.prod([weight[answer - 1] for weight, answer in given], axis=0)

    ranks = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), -1).reshape(-1, 2)
    z = norm.ppf((ranks + 0.5) / 12)
    copula = [
        np.exp(-(z[:, 0] ** 2 - 2 * r * z[:, 0] * z[:, 1] + z[:, 1] ** 2) / (2 * (1 - r**2)))
        / np.exp(-(z**2).sum(1) / 2)
        for r in (0.8, -0.3)
    ]
    angle = np.linspace(0, 4 * np.pi, 300)
    spiral = np.column_stack([angle * np.cos(angle), angle * np.sin(angle), 3 * angle]) / 10
    along = np.arange(300) / 300
    frame = np.linalg.qr(fixed.normal(size=(10, 10)))[0]
    turn = np.linalg.qr(fixed.normal(size=(4, 4)))[0]
    spread = np.diag([4.0, 1.0, 0.25, 0.25])
    bits = lambda generator, n: (generator.uniform(size=(n, 9)) < 0.4) * 1.0  # noqa: E731
    categories = 2 * np.eye(6)
    return [
        on_line("poisson", stats.poisson(3), stats.poisson(4.2)),
        on_line("negative binomial beside poisson", stats.nbinom(4, 0.4), stats.nbinom(4, 0.55),
                lambda generator, n: generator.poisson(2, size=(n, 1))),
        on_line("zero-inflated", Zeros(0.7, stats.lognorm(0.5)), Zeros(0.55, stats.lognorm(0.5))),
        on_line("rare claims", Zeros(0.94, gamma(3)), Zeros(0.9, gamma(3, scale=1.5)), normals(1)),
        on_line("pareto", stats.pareto(2.5), stats.pareto(4.5), ps=(1,)),
        on_line("lognormal", stats.lognorm(1.0), stats.lognorm(0.6, scale=1.4), ps=(1,)),
        on_line("student 3", stats.t(3), norm(0.8, 1.2), ps=(1,)),
        on_line("student 5 beside normals", stats.t(5), norm(1.0, 1.5), normals(4)),
        on_line("gamma", gamma(2), gamma(3.2)),
        on_line("three modes", Mixture([0.5, 0.3, 0.2], [norm(-4), norm(0), norm(5)]),
                Mixture([0.2, 0.5, 0.3], [norm(-4), norm(0), norm(5)])),
        on_line("cluster weights, dim 8", Mixture([0.7, 0.3], [norm(0), norm(9)]),
                Mixture([0.55, 0.45], [norm(0), norm(9)]), normals(7)),
        on_line("contamination, dim 3", norm(0), Mixture([0.96, 0.04], [norm(0), norm(15)]),
                normals(2)),
        on_line("contamination, dim 20", norm(0), Mixture([0.9, 0.1], [norm(0), norm(30)]),
                normals(19)),
        on_line("spiked, dim 20", norm(0), norm(0, 4), normals(19)),
        on_line("laplace shift, dim 30", norm(0), stats.laplace(2.5), normals(29)),
        on_line("binned", Rounded(norm(0), 0.5), Rounded(norm(0.7, 1.2), 0.5),
                lambda generator, n: np.round(2 * generator.normal(size=(n, 1))) / 2),
        on_line("one bit of ten", stats.bernoulli(0.3), stats.bernoulli(0.55), bits),
        on_line("uniform against beta", stats.uniform, stats.beta(2, 5), normals(1)),
        elliptical("swapped covariances", np.diag([9.0, 1, 1]), np.diag([1.0, 9, 1]), np.zeros(3)),
        elliptical("rotated, dim 4", spread, turn @ spread @ turn.T, np.zeros(4)),
        elliptical("t 6 with other scatter", np.eye(3) + 1, np.diag([3.0, 1, 0.5]),
                   np.array([0.5, 0, 0]), 6.0),
        products("exponentials against normals", [expon] * 3, [norm(1.5, 0.6)] * 3),
        products("beta cube, dim 6", [stats.uniform] * 6, [stats.beta(2, 4)] * 6),
        radial("circles in dim 10", 2, lambda u: 1 + 0 * u, lambda u: 1.5 + 0 * u, frame[:2]),
        radial("sphere against ball, dim 5", 5, lambda u: 1 + 0 * u, lambda u: 1.4 * u**0.2),
        finite("lattice", lattice, np.ones(49), np.exp(0.35 * lattice[:, 0] - 0.1 * lattice[:, 1])),
        finite("likert, three questions", answers, of(shy, shy, shy), of(shy, keen, keen)),
        finite("one-hot, 12 categories", np.eye(12), fixed.dirichlet(np.full(12, 2.0)),
               fixed.dirichlet(np.full(12, 2.0))),
        finite("copula of ranks", ranks, *copula),
        finite("density on a spiral", spiral, 0.3 + along, 1.5 - along),
        _digits(),
        _beside(categories, np.array([5.0, 4, 3, 2, 1, 1]), np.array([2.0, 2, 2, 4, 4, 2])),
    ]  # fmt: skip


def _beside(points: np.ndarray, first: np.ndarray, second: np.ndarray) -> Pair:
    """Categories beside normal columns: a common factor."""
    inner = finite("categories beside normals", points, first, second)

    def beside(draw: Sampler) -> Sampler:
        return lambda generator, n: np.hstack(
            [draw(generator, n), 0.5 * generator.normal(size=(n, 3))]
        )

    route = "LP, common factor"
    return Pair(inner.name, beside(inner.x), beside(inner.y), inner.truth, route=route)


def _digits() -> Pair:
    """600 of scikit-learn's digits as a law, the classes with other weights."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    images, classes = images[:600] / 16, classes[:600]
    return finite("digits, other classes", images, np.exp(-0.3 * classes), np.exp(0.1 * classes))
