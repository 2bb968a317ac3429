"""Published figures stand beside ours only where the protocol is theirs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from wdist_bench.report import tables
from wdist_bench.report.tables.published import published, sds_from_paper

MNIST = {
    "task": "image_batches", "dataset": "mnist", "p": 1, "norm": "l2", "n": 64, "steps": 500,
    "protocol": "stream",
    "estimator": "c_transform", "estimator_options": {"steps": 500, "batch_size": 64},
    "task_parameters": {"dataset": "mnist", "split": "test"},
}  # fmt: skip
PAIR = {
    "task": "funnels", "dataset": "", "p": 1, "norm": "l2", "n": 1024, "steps": 5000,
    "protocol": "stream",
    "estimator": "weight_clipping", "estimator_options": {"preset": "w1_benchmark"},
    "task_parameters": {
        "digest": "576ced317d1bda7f47ff9bf37901858aef2ea8df2de831482df20dff6f8a6309"
    },
}  # fmt: skip


def test_table_1_of_mallasto():
    assert published(MNIST) == {"paper_error": 0.82, "paper_sd": 0.16}


@pytest.mark.parametrize(
    "change",
    [
        {"n": 128}, {"steps": 499}, {"p": 2}, {"estimator": "funnel"}, {"dataset": "digits"},
        {"estimator_options": {"learning_rate": 1e-3}}, {"estimator_options": {"batch_size": 512}},
        {"estimator_options": {"preset": "w1_benchmark"}},
    ],
)  # fmt: skip
def test_another_protocol_has_no_published_figure(change):
    assert published(MNIST | change) == {}


def test_the_first_published_pair():
    found = published(PAIR)
    assert found["paper_estimate"] == 0.0307
    assert found["paper_gradient_cosine"] == 0.0722
    assert found["paper_error"] == pytest.approx(0.8174 - 0.0307)
    assert published(PAIR | {"task_parameters": {"digest": "another"}}) == {}


def test_all_published_pairs_are_known():
    table = pd.read_csv(Path(tables.__file__).parent / "w1_benchmark_published.csv", comment="#")
    assert table.groupby(["dim", "width"]).digest.nunique().eq(1).all()
    assert table.digest.nunique() == 16
    assert set(table.groupby("digest").estimator.nunique()) == {8}


W2_PAIR = {
    "task": "convex_pairs", "dataset": "", "p": 2, "norm": "l2", "n": 1024, "steps": 0,
    "protocol": "stream", "estimator": "gaussian", "estimator_options": {},
    "task_parameters": {
        "digest": "6100af876aa094ea88ff49edf9ed68f2103ceca23f458be200baa77a46f04290"
    },
}  # fmt: skip


def test_a_published_w2_pair():
    assert published(W2_PAIR) == {"paper_l2_uvp": 27.3}
    assert published(W2_PAIR | {"estimator": "c_transform"}) == {"paper_l2_uvp": 3.1}
    for change in ({"p": 1}, {"norm": "l1"}, {"estimator": "exact"}, {"protocol": "fixed"},
                   {"task_parameters": {"digest": "another"}}):  # fmt: skip
        assert published(W2_PAIR | change) == {}


@pytest.mark.parametrize(
    ("estimator", "options", "l2_uvp"),
    [
        ("maximin", {}, 0.9),
        ("maximin", {"reverse": False}, 0.9),
        ("maximin", {"reverse": True}, 0.7),
        ("baseline_map", {"map": "identity"}, 58.6),
        ("baseline_map", {"map": "constant"}, 100),
    ],
)
def test_an_option_makes_another_method_of_the_paper(estimator, options, l2_uvp):
    record = W2_PAIR | {"estimator": estimator, "estimator_options": options}
    assert published(record) == {"paper_l2_uvp": l2_uvp}


def test_published_w2_figures_are_those_of_the_reference():
    """Eleven methods and two baselines up to dimension 64; beyond, all but MM:R."""
    table = pd.read_csv(Path(tables.__file__).parent / "w2_benchmark_published.csv", comment="#")
    counts = table.groupby("dim").method.nunique()
    assert counts.to_dict() == dict.fromkeys((2, 4, 8, 16, 32, 64), 13) | {128: 12, 256: 12}
    linear = table[table.method == "linear"].set_index("dim").l2_uvp
    assert linear.loc[[2, 8, 32, 128]].tolist() == [14.1, 27.3, 55.3, 63.6]
    assert set(table.digest.notna().groupby(table.dim).sum()) == {0, 12, 13}


def test_distance_in_sds_of_the_paper():
    assert sds_from_paper(0.98, 0.82, 0.16) == pytest.approx(1)
