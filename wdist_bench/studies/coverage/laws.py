"""The laws of the coverage suite. None of them served to choose a number of the method."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from wdist_bench.datasets.digits import load_digits
from wdist_bench.studies.coverage.pairs import (
    Draw,
    Mixture,
    Pair,
    Zeros,
    dilated,
    elliptical,
    finite,
    moved,
    on_line,
    products,
    radial,
    same,
    student,
)


@lru_cache
def pairs() -> dict[str, Pair]:
    """The pairs of laws by name, in the order of the table; draws are seeded by the place in it."""
    return _equal() | _light() | _heavy() | _discrete() | _contaminated() | _shapes()


def _equal() -> dict[str, Pair]:
    from scipy import stats

    images = _digits()[0]
    return {
        "laplace, equal": same(_laplace(5), light=False),
        "cube, equal": same(lambda g, n: g.uniform(size=(n, 3))),
        "lattice, equal": same(lambda g, n: g.poisson(2.0, size=(n, 2)).astype(float)),
        "digits, equal": same(lambda g, n: images[g.integers(0, len(images), n)]),
        "gamma, nearly equal": on_line(
            "equal", stats.gamma(2), stats.gamma(2, scale=1.03), light=False
        ),
    }


def _light() -> dict[str, Pair]:
    from scipy import stats

    images = _digits()[0]
    slope = np.linspace(0, 0.4, images.shape[1])
    norm = stats.norm
    return {
        "laplace moved": moved("light", _laplace(30), np.full(30, 2 / math.sqrt(30)), light=False),
        "uniform against beta": on_line(
            "light", stats.uniform, stats.beta(2, 5), lambda g, n: g.uniform(size=(n, 1))
        ),
        "segments": moved(
            "light", lambda g, n: np.hstack([np.zeros((n, 1)), g.uniform(size=(n, 1))]),
            np.array([0.5, 0.0]),
        ),
        "gammas": on_line("light", stats.gamma(2), stats.gamma(3.2), light=False),
        "three clusters": on_line(
            "light",
            Mixture([0.5, 0.3, 0.2], [norm(-4), norm(0, 0.5), norm(5)]),
            Mixture([0.2, 0.5, 0.3], [norm(-4), norm(0, 0.5), norm(5)]),
            lambda g, n: g.uniform(-1, 1, size=(n, 5)),
        ),
        "digits moved": moved("light", lambda g, n: images[g.integers(0, len(images), n)], slope),
        "spiked laplace": on_line(
            "light", stats.laplace, stats.laplace(0, 3), _laplace(14), light=False
        ),
    }  # fmt: skip


def _heavy() -> dict[str, Pair]:
    from scipy import stats

    return {
        "student 6 dilated": dilated(
            "heavy", student(6, 3), 1.4, (_student_mean(6, 3), 3 * 6 / 4), light=False
        ),
        "student 3 moved": moved(
            "heavy", student(3, 2), np.array([1.0, 0.5]), moments=(1,), light=False
        ),
        "student 4 on a line": on_line(
            "heavy", stats.t(4), stats.t(4, scale=1.5), ps=(1,), light=False
        ),
        "weibull 0.7": on_line(
            "heavy", stats.weibull_min(0.7), stats.weibull_min(0.7, scale=1.5), light=False
        ),
        "log-normal 0.7": on_line(
            "heavy", stats.lognorm(0.7), stats.lognorm(0.7, scale=1.5),
            lambda g, n: g.normal(size=(n, 3)), ps=(1,), light=False,
        ),
        "pareto 2.5 and 4.5": on_line(
            "heavy", stats.pareto(2.5), stats.pareto(4.5), ps=(1,), light=False
        ),
        "student 2 dilated": dilated(
            "heavy", student(2, 2), 1.5, (_student_mean(2, 2), math.inf), ps=(1,), moments=(),
            light=False,
        ),
        "pareto 1.5": on_line(
            "heavy", stats.pareto(1.5), stats.pareto(1.5, scale=2), ps=(1,), moments=(),
            light=False,
        ),
        "cauchy moved": moved(
            "heavy", student(1, 3), np.array([2.0, 0, 0]), moments=(), light=False
        ),
    }  # fmt: skip


def _discrete() -> dict[str, Pair]:
    from scipy import stats

    fixed = np.random.default_rng(31)
    lattice = np.stack(np.meshgrid(np.arange(7.0), np.arange(7.0)), -1).reshape(-1, 2)
    answers = np.stack(np.meshgrid(*[np.arange(1.0, 6.0)] * 3), -1).reshape(-1, 3)
    shy, keen = np.array([0.1, 0.2, 0.4, 0.2, 0.1]), np.array([0.1, 0.1, 0.2, 0.35, 0.25])
    chosen = answers.astype(int) - 1
    angle = np.linspace(0, 4 * np.pi, 300)
    spiral = np.column_stack([angle * np.cos(angle), angle * np.sin(angle), 3 * angle]) / 10
    along = np.arange(300) / 300
    images, classes = (part[:600] for part in _digits())
    shares = [0.05 + weights for weights in fixed.dirichlet(np.full(12, 2.0), 2)]
    return {
        "poisson": on_line("discrete", stats.poisson(3), stats.poisson(4.2), light=False),
        "negative binomial": on_line(
            "discrete", stats.nbinom(4, 0.4), stats.nbinom(4, 0.55),
            lambda g, n: g.poisson(2, size=(n, 1)), light=False,
        ),
        "lattice tilted": finite(
            "discrete", lattice, np.ones(49), np.exp(0.35 * lattice[:, 0] - 0.1 * lattice[:, 1])
        ),
        "likert": finite(
            "discrete", answers, np.prod(shy[chosen], axis=1),
            shy[chosen[:, 0]] * keen[chosen[:, 1]] * keen[chosen[:, 2]],
        ),
        "one-hot 12": finite("discrete", np.eye(12), *shares),
        "one bit of ten": on_line(
            "discrete", stats.bernoulli(0.3), stats.bernoulli(0.55),
            lambda g, n: (g.uniform(size=(n, 9)) < 0.4) * 1.0, rarest=0.3,
        ),
        "zero-inflated": on_line(
            "discrete", Zeros(0.7, stats.lognorm(0.5)), Zeros(0.5, stats.lognorm(0.5)),
            rarest=0.3, light=False,
        ),
        "spiral": finite("discrete", spiral, 0.3 + along, 1.5 - along),
        "digits, other classes": finite(
            "discrete", images, np.exp(-0.3 * classes), np.exp(0.1 * classes)
        ),
    }  # fmt: skip


def _contaminated() -> dict[str, Pair]:
    from scipy import stats

    norm, gamma = stats.norm, stats.gamma
    return {
        "5 in 100 moved by 15": on_line(
            "contaminated", norm(0), Mixture([0.95, 0.05], [norm(0), norm(15)]), _laplace(2),
            rarest=0.05, light=False,
        ),
        "10 in 100 moved by 30": on_line(
            "contaminated", norm(0), Mixture([0.9, 0.1], [norm(0), norm(30)]),
            lambda g, n: g.normal(size=(n, 19)), rarest=0.1,
        ),
        "rare claims": on_line(
            "contaminated", Zeros(0.94, gamma(3)), Zeros(0.9, gamma(3, scale=1.5)),
            lambda g, n: g.normal(size=(n, 1)), ps=(1,), rarest=0.06, light=False,
        ),
    }  # fmt: skip


def _shapes() -> dict[str, Pair]:
    from scipy import stats

    fixed = np.random.default_rng(32)
    turn = np.linalg.qr(fixed.normal(size=(4, 4)))[0]
    frame = np.linalg.qr(fixed.normal(size=(10, 10)))[0]
    spread = np.diag([4.0, 1.0, 0.25, 0.25])
    return {
        "swapped variances": elliptical(np.diag([9.0, 1, 1]), np.diag([1.0, 9, 1])),
        "rotated": elliptical(spread, turn @ spread @ turn.T),
        "student 8, other scatter": elliptical(np.eye(3) + 1, np.diag([3.0, 1, 0.5]), 8.0),
        "exponentials and normals": products([stats.expon] * 3, [stats.norm(1.5, 0.6)] * 3),
        "sphere and ball": radial(5, lambda u: 1 + 0 * u, lambda u: 1.4 * u**0.2),
        "circles in dimension 10": radial(2, lambda u: 1 + 0 * u, lambda u: 1.5 + 0 * u, frame[:2]),
    }


def _laplace(dim: int) -> Draw:
    return lambda generator, n: generator.laplace(size=(n, dim))


def _student_mean(freedom: float, dim: int) -> float:
    """E |X|: E |Z| E (freedom / chi^2)^(1/2) of a normal Z and an independent chi^2."""
    from scipy.special import gammaln

    normal = math.sqrt(2) * math.exp(gammaln((dim + 1) / 2) - gammaln(dim / 2))
    factor = math.exp(gammaln((freedom - 1) / 2) - gammaln(freedom / 2))
    return normal * math.sqrt(freedom / 2) * factor


@lru_cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """The images (1797, 64) that ship with the library, in [0, 1], and their classes."""
    images = load_digits("all")
    return images.pixels / images.maximum, np.asarray(images.labels)
