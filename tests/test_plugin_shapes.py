"""A plug-in estimator of every shape runs everywhere, and one that lacks a part is told which."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import registry
from wdist_bench.conformance.rules import check
from wdist_bench.estimators.critic import CriticEstimator, Parts, difference_dual
from wdist_bench.protocol import compilation
from wdist_bench.protocol.stream import Stream, run_stream
from wdist_bench.results.journal import unpack
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.suite import load_suite

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 30, 2)) + np.array([[[2.0, 1.0]], [[0.0, 0.0]]])
GAUSSIANS = wb.tasks.get("gaussian_shift")
SUITE = """
title = "Shapes"
n = [8]
runs = 2
eval_batches = 2
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "{}"
"""


class Means:
    """|E x - E y| <= W_1 in either norm, on the host and, where asked, inside a program."""

    def estimate(self, samples, cost):
        x, y = (np.average(points, axis=0, weights=mass)
                for points, mass in ((samples.x, samples.a), (samples.y, samples.b)))  # fmt: skip
        value = float(wb.Cost(1, cost.norm).matched(x, y))
        bound = type(self).bound_on_batch
        return wb.Estimate(value, value**cost.p, target="batch", bound=bound)


class TracedMeans(Means):
    def batch_cost(self, samples, cost):
        x, y = (jnp.average(points, 0, mass)
                for points, mass in ((samples.x, samples.a), (samples.y, samples.b)))  # fmt: skip
        return wb.Cost(1, cost.norm).between(x, y) ** cost.p


class Linear:
    """f(x) = x_1, which is 1-Lipschitz in either norm and knows its data's sign by luck."""

    def critic(self, points):
        return points[:, 0]

    def potentials(self, samples, cost):
        return self.critic(samples.x), -self.critic(samples.y)


class W1Only:
    def check_cost(self, cost):
        if cost.p != 1:
            raise ValueError(f"{self.name}: expected p = 1, got {cost.p}; use exact")


def build(direct, target, traced, critic):
    """The class of a shape, as a stranger would write it, from the parts above."""
    kind = ("direct" if direct else "fitted", target, "traced" if traced else "host",
            "critic" if critic else "no critic")  # fmt: skip
    # Means of samples are too far apart to bound those of populations.
    bound = "lower" if critic or target == "batch" else "none"
    said = {"name": " ".join(kind), "version": 1, "target": target, "bound": bound,
            "traced": traced, "bound_on_batch": "lower", "__module__": __name__}  # fmt: skip
    if critic:
        mixed = (Linear, wb.FittedPotential)
    else:
        mixed = (TracedMeans, wb.TracedFitted) if traced else (Means, wb.Fitted)
    if direct and critic:
        own = {"estimator": property(lambda self: self), "center": 0.0}
        bases = (W1Only, *mixed[:1], wb.DirectEstimator, *mixed[1:])
        cls = type("Shape", bases, said | own)
        return jax.tree_util.register_static(dataclass(frozen=True)(cls))
    if direct:
        kinds = (wb.DirectEstimator,) if mixed[1] is wb.Fitted else (wb.DirectEstimator, mixed[1])
        return dataclass(frozen=True)(type("Shape", (W1Only, mixed[0], *kinds), said))
    if critic:
        fitted = FittedLinear
    else:
        fitted = type("FittedShape", mixed, {"bound_on_batch": "lower", "__module__": __name__})

    def fit(self, key, problem):
        return fitted(problem.center, self) if critic else fitted()

    return dataclass(frozen=True)(type("Shape", (W1Only, wb.Estimator), said | {"fit": fit}))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FittedLinear(Linear, wb.FittedPotential):
    center: Any
    estimator: Any = field(metadata={"static": True})


EITHER = (True, False)
ALL = itertools.product(EITHER, ("batch", "population"), EITHER, EITHER)
SHAPES = {shape.name: shape for shape in itertools.starmap(build, ALL)}


@pytest.fixture(params=SHAPES)
def shape(request):
    cls = SHAPES[request.param]
    globals()["Shape"] = cls  # where pickle looks for it
    wb.estimators.register(cls)
    yield cls()
    del wb.estimators.registry._classes[cls.name]
    compilation.make_room()


def test_every_shape_runs_in_estimate_in_evaluate_and_in_a_suite(shape, tmp_path):
    exact = wb.estimate(X, Y).value
    answer = wb.estimate(X, Y, shape.name)
    assert answer.status == "ok"
    assert 1 < answer.value <= exact
    assert answer.target == "batch"
    assert (answer.potentials is not None) == (not shape.name.endswith("no critic"))
    answer = wb.evaluate(GAUSSIANS, shape, eval_samples=2000, eval_batches=40, batch_size=50)
    assert answer.status == "ok"
    assert answer.target == shape.target
    # E x_1 - E y_1 = 2 in this task, and |E x - E y| = 2.83: each answer is one of these two
    assert min(abs(answer.value - 2), abs(answer.value - 2**1.5)) < 6 * answer.stderr + 0.05
    (tmp_path / "suite.toml").write_text(SUITE.format(shape.name))
    events = run_suite(load_suite(tmp_path / "suite.toml"), tmp_path / "out")
    [record] = [e.record for e in events if e.kind == "finished"]
    assert (record["status"], record["message"], record["critic"]) == ("ok", "", "")
    assert np.isfinite(unpack(record["costs"])).all()


@pytest.mark.slow
def test_every_shape_passes_the_conformance_suite(shape):
    assert [f"{f.rule}: {f.problem}" for f in check(shape.name) if not f.passed] == []


@dataclass(frozen=True)
class Whole(wb.Estimator):
    """An estimator with all its parts, of which the tests below take one away."""

    name = "whole"
    version = 1
    target = "population"
    bound = "none"
    traced = True
    fitted = FittedLinear

    def fit(self, key, problem):
        return self.fitted(problem.center, self)


def without(part):
    return dataclass(frozen=True)(type("Lacking", (Whole,), part | {"__module__": __name__}))


def frozen(base, **said):
    return dataclass(frozen=True)(type("Lacking", (base,), said))


SAID = {"name": "lacking", "version": 1, "target": "batch", "bound": "none"}
AT_REGISTER = {
    "expected a class derived from Estimator": lambda: FittedLinear,
    "expected a class with a `name`": lambda: frozen(wb.DirectEstimator, estimate=print),
    "expected a class with a `version`": lambda: without({"version": None}),
    "expected a class with a `bound`": lambda: without({"bound": ""}),
    "target of whole: expected one of batch, population": lambda: without({"target": "sample"}),
    "expected a method `estimate`": lambda: frozen(wb.DirectEstimator, **SAID),
    "expected a method `fit`": lambda: frozen(wb.Estimator, **SAID),
    "expected a frozen dataclass": lambda: type("Lacking", (wb.Estimator,), SAID | {"fit": print}),
    "expected a method `batch_cost`, since `traced` is True": lambda: frozen(
        wb.DirectEstimator, estimate=print, traced=True, **SAID
    ),
}


@pytest.mark.parametrize(("words", "lacking"), AT_REGISTER.items(), ids=AT_REGISTER)
def test_what_a_class_lacks_is_said_when_it_is_registered(words, lacking):
    with pytest.raises((TypeError, ValueError), match=words) as raised:
        wb.estimators.register(lacking())
    assert "\n" not in str(raised.value)
    assert not {"whole", "lacking"} & set(wb.estimators.names())


def test_a_class_that_inherits_the_decorator_is_told_so():
    """What it sets would be no field, and the defaults of its parent would run."""

    class Mild(wb.estimators.factory("gradient_penalty")):
        name = "mild"
        penalty_weight: float = 1.0

    with pytest.raises(TypeError, match=r"estimator Mild: expected a frozen dataclass.* put @data"):
        wb.estimators.register(Mild)
    assert "mild" not in wb.estimators.names()


def test_annotations_of_what_is_no_parameter_are_none():
    class Mild(wb.estimators.factory("nearest_neighbor")):
        name: str = "mild"
        version: int = 7

    wb.estimators.register(Mild)
    made = wb.estimators.get("mild")
    del wb.estimators.registry._classes["mild"]
    assert (made.name, made.version) == ("mild", 7)


def test_the_first_version_may_be_0():
    first = without({"name": "first", "version": 0})
    wb.estimators.register(first)
    del wb.estimators.registry._classes["first"]


def test_a_task_without_a_reference_is_told_so():
    with pytest.raises(TypeError, match="task Lacking: expected a class with a `reference`"):
        wb.tasks.register(frozen(wb.Task, name="lacking", sampler=print, truth=print))


def test_a_task_that_cannot_be_drawn_from_is_told_so():
    with pytest.raises(TypeError, match="expected a method `draw` or `sampler`"):
        wb.tasks.register(frozen(wb.Task, name="lacking", reference="none", truth=print))


@dataclass(frozen=True)
class Stretched(wb.Task):
    """N(0, I) against N(0, s^2 I) in the plane, at W_2 = sqrt(2) (s - 1), without a sampler."""

    name = "stretched"
    reference = "gradient of a convex function"
    factor: float = 3.0

    def draw(self, key, n):
        x, y = jax.random.normal(key, (2, n, 2))
        return x, self.factor * y

    def truth_for(self, cost):
        return wb.Truth(2**0.5 * (self.factor - 1), 0.0, "closed-form", self.reference)


def test_a_task_draws_without_a_sampler_of_its_own():
    """On the host, inside compiled programs, and each set of parameters its own."""
    assert (Stretched().dim, Stretched().sampler().dim) == (2, 2)
    x, y = Stretched(2.0).sample(jax.random.key(0), 5000)
    assert np.std(x) == pytest.approx(1, abs=0.05)
    assert np.std(y) == pytest.approx(2, abs=0.1)
    options = {"p": 2, "runs": 2, "batch_size": 400, "eval_batches": 4}
    for method in ("exact", "sinkhorn_divergence"):
        near, far = (wb.evaluate(Stretched(s), method, **options) for s in (3.0, 5.0))
        assert near.error == pytest.approx(0, abs=0.15)
        assert far.error == pytest.approx(0, abs=0.3)


@dataclass(frozen=True, kw_only=True)
class Plain(CriticEstimator):
    name = "plain"
    version = 1

    def parts(self):
        return Parts(self.update_rule(), difference_dual)


def test_a_critic_claims_nothing_and_takes_no_cost_that_its_dual_has_no_meaning_for():
    assert (Plain.target, Plain.bound) == ("population", "none")
    for cost in (wb.Cost(2), wb.costs.Cosine(), wb.Cost(1.5)):
        with pytest.raises(ValueError, match="plain: expected"):
            Plain().check_cost(cost)
    Plain().check_cost(wb.Cost(1, "linf"))


class Unfitted:
    def __init__(self, center, estimator):
        self.center = center


class NoPytree(Unfitted, Linear, wb.FittedPotential):
    pass


class HostOnly(Unfitted, Means, wb.Fitted):
    bound_on_batch = "none"


class Vector(Unfitted, TracedMeans, wb.TracedFitted):
    def batch_cost(self, samples, cost):
        return samples.x.mean(0)


class Number(Unfitted, wb.TracedFitted):
    def estimate(self, samples, cost):
        return 1.0

    batch_cost = Vector.batch_cost


class Tall(FittedLinear):
    def potentials(self, samples, cost):
        return samples.x[:, :1], samples.y[:, :1]


Tall = jax.tree_util.register_dataclass(dataclass(frozen=True)(Tall))


def incomplete(name):
    """A potential without the field of that name."""
    kinds = {"center": {}, "estimator": {"static": True}}
    kept = [(n, Any, field(metadata=kinds[n])) for n in kinds if n != name]
    cls = dataclasses.make_dataclass(
        "Incomplete", kept, bases=(Linear, wb.FittedPotential), frozen=True
    )
    jax.tree_util.register_dataclass(cls)
    return lambda center, estimator: cls({"center": center, "estimator": estimator}[kept[0][0]])


AT_USE = {
    "whole: expected a Fitted from `fit`, got Unfitted": Unfitted,
    "whole: expected a pytree dataclass from `fit`.* got NoPytree": NoPytree,
    "whole: expected `batch_cost` of what `fit` returns.* got HostOnly": HostOnly,
    "whole: expected an Estimate from `estimate`, got float": Number,
    "Tall: expected `potentials` of shapes": Tall,
    "Incomplete: expected the attribute `center`": incomplete("center"),
    "Incomplete: expected the attribute `estimator`": incomplete("estimator"),
}


@pytest.mark.parametrize(("words", "fitted"), AT_USE.items(), ids=AT_USE)
def test_what_a_fitted_estimator_lacks_is_said_at_its_first_use(words, fitted):
    with pytest.raises((TypeError, AttributeError), match=words) as raised:
        wb.estimate(X, Y, without({"fitted": staticmethod(fitted)})())
    assert "\n" not in str(raised.value)


def test_a_potential_of_data_brought_to_unit_size_holds_the_unit():
    """It would be evaluated on the data as they are."""
    with pytest.raises(TypeError, match=r"whole: expected the field `unit` .* got FittedLinear"):
        wb.estimate(X, Y, without({"standardize": True})())


def test_a_traced_estimate_that_is_no_scalar_is_told_so():
    estimator = without({"fitted": Vector})()
    with pytest.raises(TypeError, match="whole: expected a scalar from `batch_cost`, got shape"):
        run_stream(GAUSSIANS, estimator, wb.Cost(), Stream(8, 1, 2))


def test_an_entry_point_that_cannot_be_loaded_is_named_each_time(monkeypatch):
    """Else the first call fails without a name, and later ones lack what comes after it."""
    entry = EntryPoint("bad", "no_such_package:Bad", "of.mine")
    monkeypatch.setattr(registry, "entry_points", lambda group: (entry,))
    own = registry.Registry(wb.Estimator, "estimator", "of.mine")
    for _ in range(2):
        with pytest.raises(ImportError, match=r"expected the entry point 'bad' .* no_such"):
            own.names()
