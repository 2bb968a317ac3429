"""Names of other libraries lead to ours, and no hint leads away from them. The most usual ones are
in `test_mistakes`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.inputs import elsewhere
from wdist_bench.recommend.trials import chosen
from wdist_bench.validation import fold

X = np.zeros((4, 2))


@pytest.mark.parametrize(
    ("method", "ours"),
    [
        ("emd", "exact"), ("wasserstein", "exact"), ("ot", "exact"), ("EMD2", "exact"),
        ("wasserstein_1d", "one_dimensional"), ("swd", "sliced"), ("wgan", "weight_clipping"),
        ("wgan-gp", "gradient_penalty"), ("sinkhorn_div", "sinkhorn_divergence"),
        ("Sinkhorn-Divergence", "sinkhorn_divergence"), ("c-transform", "c_transform"),
        ("exat", "exact"), ("Gradient penalty", "gradient_penalty"),
    ],
)  # fmt: skip
def test_methods_of_other_libraries_point_to_ours(method, ours):
    with pytest.raises(ValueError, match="estimator: expected one of exact") as caught:
        wb.estimate(X, X, method)
    assert f"{ours!r}" in str(caught.value).partition(repr(method))[2]


@pytest.mark.parametrize("method", ["mmd", "foo", "neural", "q"])
def test_a_strange_name_gets_no_guess(method):
    with pytest.raises(ValueError, match=f"got '{method}'; pick one of these$"):
        wb.estimate(X, X, method)


@pytest.mark.parametrize(
    ("method", "option", "hint"),
    [
        ("exact", "numItermax", "it is called 'max_iterations' here"),
        ("bracket", "steps", "it is called 'max_steps' here"),
        ("c_transform", "lr", "it is called 'learning_rate' here"),
        ("exact", "lr", "this estimator has no learning_rate; leave it out"),
        ("c_transform", "epochs", "it is called 'steps' here"),
        ("sinkhorn", "blur", r"epsilon=blur\*\*p needs epsilon_unit='cost'"),
        ("gradient_penalty", "lambda_gp", "it is called 'penalty_weight' here"),
        ("exact", "u_weights", "weights are the arguments a= for x and b= for y"),
        ("exact", "random_state", "the argument seed=0"),
        ("c_transform", "Steps", "did you mean 'steps'"),
        ("exact", "foo", "pick one of these$"),
    ],
)
def test_options_of_other_libraries_point_to_ours(method, option, hint):
    with pytest.raises(ValueError, match=f"got '{option}'; .*{hint}"):
        wb.estimate(X, X, method, **{option: 1})


def test_the_lists_of_other_names_hold_together():
    ours = set(wb.estimators.names())
    assert set(elsewhere._METHODS) <= ours
    methods = [name for names in elsewhere._METHODS.values() for name in names.split()]
    options = [n for _, names in elsewhere._OPTIONS for n in names.split()]
    options += [n for names, _ in elsewhere._ARGUMENTS for n in names.split()]
    for listed in (methods, options):
        assert len(set(listed)) == len(listed)  # one name, one meaning
        assert all(fold(name) == name for name in listed)  # else it is never found


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: wb.estimate(X, X, np.full(4, 0.25)), "method: .* got ndarray; weights are passed"),
        (
            lambda: wb.estimate(X, X, "exact", [0.25] * 4),
            "p: .* list of length 4; weights are pass",
        ),
        (lambda: wb.estimate(X, X, wb.estimators.factory("exact")), r"method: .*method=Exact\(\)"),
        (lambda: wb.evaluate((X, X), "exact"), r"task: .* got tuple; .* wb.estimate\(x, y\)"),
        (lambda: wb.population_interval(X), r"y: .* got none; call wb.population_interval\(x, y\)"),
    ],
)
def test_arguments_in_the_wrong_place_are_told_where_they_belong(call, expected):
    with pytest.raises((TypeError, ValueError), match=expected) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_baselines_are_tried_where_they_are_named_alone():
    assert {"exact", "c_transform"} <= set(chosen(None))
    assert "baseline_map" not in chosen(None)
    assert list(chosen("baseline_map")) == ["baseline_map"]


def test_one_method_may_be_named_without_a_list():
    assert list(chosen("exact")) == ["exact"] == list(chosen(wb.estimators.get("exact")))


def test_inside_a_program_the_way_leads_to_distance():
    for call in (
        lambda: jax.jit(lambda v: wb.estimate(v, v + 1).value)(X),
        lambda: jax.grad(lambda v: wb.estimate([v, v], X[:2]).value)(jnp.zeros(2)),
        lambda: jax.jit(lambda c: wb.estimate(None, None, cost=c).value)(jnp.ones((3, 3))),
    ):
        with pytest.raises(TypeError, match=r"that jit, grad or vmap traces; call wb\.distance"):
            call()


def test_what_was_replaced_leads_to_what_is_there():
    with pytest.raises(AttributeError, match=r"replaced by wb.population_interval\(task\)"):
        _ = wb.population_bracket
    with pytest.raises(ValueError, match="norm: expected none beside a cost"):
        wb.tasks.get("gaussian_shift").truth(wb.Cost(1, "l2"), norm="l1")
