"""Published figures stand beside ours only where the protocol is theirs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from wdist_bench import report
from wdist_bench.report.published import published, sds_from_paper

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
        {"estimator_options": {"learning_rate": 1e-3}},
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
    table = pd.read_csv(Path(report.__file__).parent / "w1_benchmark_published.csv", comment="#")
    assert table.groupby(["dim", "width"]).digest.nunique().eq(1).all()
    assert table.digest.nunique() == 16
    assert set(table.groupby("digest").estimator.nunique()) == {8}


def test_distance_in_sds_of_the_paper():
    assert sds_from_paper(0.98, 0.82, 0.16) == pytest.approx(1)
