"""The numbers in the sentences of README are those of the registries and the committed tables."""

from __future__ import annotations

import re

import pandas as pd
from markdown_pages import ROOT

import wdist_bench as wb

TEXT = (ROOT / "README.md").read_text("utf-8")
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty"}
ONES = ("", "-one", "-two", "-three", "-four", "-five", "-six", "-seven", "-eight", "-nine")


def spelled(registry):
    """How many of ours are registered, in words."""
    classes = map(registry.registry.factory, registry.names())
    count = sum(factory.__module__.startswith("wdist_bench.") for factory in classes)
    return f"{TENS[count // 10 * 10]}{ONES[count % 10]}"


def numbers(sentence):
    """Those in the one place where README says a sentence, a pattern with groups."""
    (found,) = re.findall(sentence, TEXT)
    return [int(number) for number in found]


def test_how_many_estimators_and_tasks_there_are():
    estimators, tasks = spelled(wb.estimators), spelled(wb.tasks)
    assert f"what there is: {estimators} estimators and {tasks} tasks today" in TEXT
    assert f"| {tasks} tasks, every distance" in TEXT


def test_how_often_intervals_hold():
    table = pd.read_csv(ROOT / "results" / "coverage" / "coverage.csv")
    ours, naive, boot = (
        table[table["counts"] & (table["method"] == method)]
        for method in ("ours", "naive", "bootstrap")
    )
    held = 100 * ours.groupby(["p", "n"])["held"].mean()
    assert not ours["broken"].any()
    assert len(naive) == len(ours)
    assert numbers(
        r"it held in (\d+) to (\d+) % of the answers on (\d+) pairs of distributions, "
        r"at none of (\d+) settings"
    ) == [round(held.min()), round(held.max()), ours["law"].nunique(), len(ours)]
    assert numbers(r"misses its 95 % at (\d+) of these, the bootstrap at (\d+) of the (\d+)") == [
        naive["broken"].sum(), boot["broken"].sum(), len(boot)
    ]  # fmt: skip


def test_the_table_of_images_is_that_of_the_suite():
    table = pd.read_csv(ROOT / "results" / "mallasto" / "errors.csv")
    table = table[table["critic"] != "dcgan"].set_index(["estimator", "dataset"])
    body = TEXT.partition("| estimator | MNIST: ours | paper |")[2].splitlines()[2:6]
    for line in body:
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        wanted = []
        for dataset in ("mnist", "cifar10", "celeba"):
            row = table.loc[name.split()[0], dataset]
            paper = f"{row['paper_error']:.2f} +- {row['paper_sd']:.2f}"
            wanted.append(f"{row['abs_error_batch']:.2f} +- {row['abs_error_batch_sd']:.2f}")
            wanted.append("not shown" if pd.isna(row["paper_error"]) else paper)
        assert cells == wanted, name
    assert len(body) == 4
