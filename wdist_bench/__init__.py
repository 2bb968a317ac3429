"""Wasserstein-distance estimators and tasks with known truth."""

from wdist_bench import costs, estimators, measures, tasks
from wdist_bench.benchmark import load_results, run_suite
from wdist_bench.calls import estimate
from wdist_bench.costs import Cost
from wdist_bench.datasets.two_samples import TwoSamples, read_samples
from wdist_bench.distance import distance
from wdist_bench.estimate import (
    DirectEstimator,
    Estimate,
    Estimator,
    Fitted,
    Potentials,
    TracedFitted,
)
from wdist_bench.estimators.potential import FittedPotential
from wdist_bench.population.interval import population_interval
from wdist_bench.population.monitor import monitor
from wdist_bench.population.two_sample import TestResult, two_sample_test
from wdist_bench.problem import Problem, Sampler, Samples
from wdist_bench.protocol.evaluate import evaluate
from wdist_bench.pytrees import pytree
from wdist_bench.recommend.recommend import recommend
from wdist_bench.recommend.recommendation import Recommendation
from wdist_bench.references.cite import cite
from wdist_bench.tasks import Task
from wdist_bench.truth import Truth

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Raises AttributeError, which leads from the names of other libraries to ours."""
    from wdist_bench.inputs.elsewhere import attribute_hint

    hint = attribute_hint(name)
    raise AttributeError(f"wdist_bench has no {name!r}{hint and '; '}{hint}")


__all__ = [
    "Cost",
    "DirectEstimator",
    "Estimate",
    "Estimator",
    "Fitted",
    "FittedPotential",
    "Potentials",
    "Problem",
    "Recommendation",
    "Sampler",
    "Samples",
    "Task",
    "TestResult",
    "TracedFitted",
    "Truth",
    "TwoSamples",
    "cite",
    "costs",
    "distance",
    "estimate",
    "estimators",
    "evaluate",
    "load_results",
    "measures",
    "monitor",
    "population_interval",
    "pytree",
    "read_samples",
    "recommend",
    "run_suite",
    "tasks",
    "two_sample_test",
]
