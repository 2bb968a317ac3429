"""The interval for a population holds the truth."""

from __future__ import annotations

import pytest

import wdist_bench as wb

CRITIC = {"p": 1, "critic": wb.estimators.get("group_sort", steps=300)}


@pytest.mark.parametrize(
    ("task", "options"),
    [("gaussian_shift", CRITIC), ("parallel_segments", CRITIC), ("gaussians", {"p": 2})],
)
def test_it_holds_the_known_distance(task, options):
    # 95 % confidence with a fixed seed: the upper ends are loose by the finite-sample bias
    answer = wb.population_bracket(task, n=256, eval_batches=10, **options)
    truth = wb.tasks.get(task).truth(options["p"]).value
    assert answer.status == "ok"
    assert answer.lower <= truth <= answer.upper
    assert answer.upper < 1.25 * truth
    assert answer.lower > 0.9 * truth or options["p"] == 2


def test_a_critic_that_bounds_nothing_is_refused():
    critic = wb.estimators.get("weight_clipping", steps=5)
    with pytest.raises(ValueError, match="expected a lower bound of the population"):
        wb.population_bracket("gaussian_shift", critic=critic, n=16, eval_batches=2)
