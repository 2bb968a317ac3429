"""Reports and comparisons of many cells: work by the number of cells, pages that stay small."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from wdist_bench.report import compare as compare_module
from wdist_bench.report import drawing, write_report
from wdist_bench.report.comparing import comparisons
from wdist_bench.report.figures import suites
from wdist_bench.report.page.data import first_settings
from wdist_bench.report.page.page import MAX_BYTES, write_page
from wdist_bench.report.results import Results
from wdist_bench.report.tables import cells as cells_module
from wdist_bench.report.tables import errors
from wdist_bench.report.tables.cells import Cell
from wdist_bench.report.tables.errors import labelled_table
from wdist_bench.report.tables.settings import variants
from wdist_bench.report.text import closing as closing_module
from wdist_bench.report.text.closing import closing
from wdist_bench.results import journal_lines, statistics
from wdist_bench.results.journal import COMPACT, read_journal
from wdist_bench.results.journal_writing import write_compact

METHODS = ("exact", "a", "b")


def fill(folder, settings, runs=3, batches=2, history=0):
    """A folder with so many settings, each with the same methods."""
    random = np.random.default_rng(0)
    for k in range(settings):
        truths = random.normal(3, 0.1, (runs, batches))
        for method in METHODS:
            noise = 0 if method == "exact" else random.normal(0, 0.1, truths.shape)
            steps = list(range(history)) if method != "exact" else []
            folder.add(
                method, truths + noise, truths, population=3.0, task_options={"k": k},
                task_parameters={"k": k}, bound="exact" if method == "exact" else "none",
                history_steps=steps, history=[steps] * runs if steps else [],
            )  # fmt: skip
    return folder


def times(table, journal, count):
    """The table so often, as other settings and cells."""
    width = table["setting"].max() + 1
    parts = []
    for k in range(count):
        keys = [f"{key}-{k:06}" for key in table["key"]]
        journal.cells |= {
            new: journal.cells[key] for new, key in zip(keys, table["key"], strict=True)
        }
        parts.append(table.assign(setting=table["setting"] + k * width, key=keys))
    return pd.concat(parts, ignore_index=True)


def data_of(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


@pytest.fixture(scope="module")
def many(make_folder):
    """(page, its data, table) of 20,100 cells."""
    folder = fill(make_folder(), 67, history=100)
    journal = read_journal(folder.write())
    table = times(labelled_table(journal), journal, 100)
    html = write_page(folder.path, journal, table).read_text(encoding="utf-8")
    return html, data_of(html), table


def test_a_page_of_20_000_cells_stays_below_8_mb_and_says_what_it_shows(many):
    html, data, table = many
    assert len(html.encode()) < MAX_BYTES
    shown = len(data["cells"])
    assert 1000 < shown < len(table) == 20_100
    assert f"<strong>{shown:,} of 20,100 cells</strong>" in html
    assert "whole settings in the order of the suite" in html


def test_a_thinned_page_keeps_whole_settings_from_the_first_on(many):
    _, data, table = many
    at = data["columns"].index
    keys = [data["words"][cell[at("key")]] for cell in data["cells"]]
    assert keys == list(table["key"])[: len(keys)]
    assert len(keys) % len(METHODS) == 0
    assert len(data["curves"]) == len(keys)


def test_the_leaderboard_of_a_thinned_page_is_of_all_cells(many):
    _, data, table = many
    [first, *_] = data["leaderboards"]["population/"]
    assert first["runs"] == 3 * len(table) / len(METHODS)
    assert first["settings"] == table["setting"].nunique()


def test_a_page_with_room_for_all_says_nothing_of_it(make_folder):
    folder = fill(make_folder(), 3)
    html = write_page(folder.path, read_journal(folder.write())).read_text(encoding="utf-8")
    assert "What is left out" not in html
    assert len(data_of(html)["cells"]) == 9


def test_settings_are_kept_whole_while_one_has_room():
    table = pd.DataFrame({"setting": [0, 1, 0, 1, 2], "x": range(5)})
    assert list(first_settings(table, 5)["x"]) == [0, 1, 2, 3, 4]
    assert list(first_settings(table, 4)["x"]) == [0, 1, 2, 3]
    assert list(first_settings(table, 3)["x"]) == [0, 2]
    assert list(first_settings(table, 1)["x"]) == [0]


def test_many_cells_of_experiments_are_cut_and_counted(make_folder):
    folder = make_folder()
    for seed in range(3000):
        folder.keep({
            "type": "cell", "experiment": "nap", "parameters": {"seed": seed}, "status": "ok",
            "message": "", "runs": 1, "failed": 0, "seed": 0,
        })  # fmt: skip
    html = write_page(folder.path, read_journal(folder.write())).read_text(encoding="utf-8")
    shown = html.count('<th scope="row">nap')
    assert 200 < shown < 1500
    assert f"The first {shown} of 3,000 cells" in html


def test_figures_show_whole_settings_and_say_how_many(make_folder, monkeypatch):
    monkeypatch.setattr(suites, "_COLUMNS", 4)
    monkeypatch.setattr(suites, "_PANELS", 3)
    folder = fill(make_folder(), 9, history=5)
    results = Results(folder.write())
    said = {}
    monkeypatch.setattr(
        drawing, "save", lambda figure, path: said.update({path.stem: figure}) or path
    )
    suites.FIGURES.write(folder.path, results)
    assert "the first settings of the suite, 12 of 27 cells" in said["estimates"].get_supxlabel()
    assert len(said["estimates"].axes[0].get_xticks()) == 4
    assert len(said["figure2"].axes) == 3
    assert "the first 3 of 9 settings of the suite" in said["figure2"].get_supxlabel()


def test_a_figure_of_few_cells_shows_all_and_says_nothing(make_folder, monkeypatch):
    results = Results(fill(make_folder(), 9, history=5).write())
    said = []
    monkeypatch.setattr(
        drawing, "save", lambda figure, path: said.append(figure.get_supxlabel()) or path
    )
    suites.FIGURES.write(results.folder, results)
    assert len(said) == 2
    assert not any("the first" in text for text in said)


def test_marks_are_bounded_whatever_the_settings_hold():
    table = pd.DataFrame(
        [
            {"family": f"f{i % 3}", "task": "t", "task_parameters": str(i // 250), "p": 1,
             "norm": "l2", "n": 2, "protocol": "stream"}
            for i in range(60_000)
        ]
    )  # fmt: skip
    shown = pd.Series(suites._room_for(table))
    assert 0 < shown.sum() <= suites._MARKS


def test_the_terminal_shows_the_first_tasks_and_counts_the_rest(make_folder, monkeypatch):
    monkeypatch.setattr(closing_module, "TASKS", 2)
    end = closing(fill(make_folder(), 5).write())
    assert len(end.tasks) == 2
    assert end.more_tasks == "and 3 more tasks; errors.md has them"


@pytest.mark.slow
@pytest.mark.parametrize("compact", [False, True])
def test_a_report_parses_each_array_a_fixed_number_of_times(make_folder, monkeypatch, compact):
    """Costs and histories once a table that needs them, truths once a setting."""
    folder = fill(make_folder(), 20, runs=10, batches=20, history=200)
    path = folder.write()
    if compact:
        write_compact(read_journal(path), path / COMPACT)
        (path / "journal.jsonl").unlink()
    loads = Counter()
    real = journal_lines.Stored.load

    def load(self):
        loads[self._start] += 1
        return real(self)

    monkeypatch.setattr(journal_lines.Stored, "load", load)
    results = Results(path)
    write_report(path, results)
    closing(path, results)
    assert len(loads) == 20 * (3 + 1 + 2 * 2)  # costs, truths, histories with their steps
    assert max(loads.values()) <= 3


def test_a_row_takes_one_bootstrap(make_folder, monkeypatch):
    calls = []
    real = statistics.bca_interval
    monkeypatch.setattr(statistics, "bca_interval", lambda *a: calls.append(1) or real(*a))
    journal = read_journal(fill(make_folder(), 4).write())
    assert len(errors.error_table(journal)) == len(calls) == 12


def test_naming_variants_looks_at_each_record_a_fixed_number_of_times():
    looks = []

    class Options(dict):
        def get(self, *name):
            looks.append(1)
            return super().get(*name)

        def items(self):
            looks.append(1)
            return super().items()

    def count(records):
        looks.clear()
        found = variants([
            {"estimator": "a", "n": 10 + i, "estimator_options": Options(steps=i % 3, batch=10 + i)}
            for i in range(records)
        ])  # fmt: skip
        assert found[:4] == [f"a (steps {k})" for k in (0, 1, 2, 0)]
        return len(looks)

    assert count(200) == 2 * count(100)


def test_matching_two_folders_names_each_cell_once(make_folder, monkeypatch):
    paths = [fill(make_folder(), 30).write() for _ in "ab"]
    named = []
    dumps = json.dumps

    class Counting:
        @staticmethod
        def dumps(*arguments, **options):
            named.append(1)
            return dumps(*arguments, **options)

    monkeypatch.setattr(cells_module, "json", Counting)
    assert len(compare_module.compare(*paths).changes) == 90
    assert len(named) == 180


def same_but_for_the(seed):
    cell = Cell({"seed": seed, "status": "ok"})
    vars(cell)["identity"] = "same"
    return cell


def test_matching_is_linear_in_cells_that_differ_by_their_seed_alone():
    hashed = []

    class Seed(int):
        def __eq__(self, other):
            hashed.append(1)
            return int(self) == int(other)

        __hash__ = int.__hash__

    def cells(seeds):
        return [same_but_for_the(Seed(s)) for s in seeds]

    def count(number):
        before, after = cells(range(number)), cells(range(number - 1, 4, -1))
        hashed.clear()
        pairs, alone, left = compare_module._match(before, after)
        assert (len(pairs), len(alone), left) == (number - 5, 5, [])
        return len(hashed)

    assert count(400) <= 3 * count(200)


def test_pairs_are_of_one_seed_where_both_have_it_and_the_first_left_else():
    def cells(seeds):
        return [same_but_for_the(s) for s in seeds]

    pairs, alone, left = compare_module._match(cells([7, 1, 9]), cells([1, 2, 7, 3]))
    assert [(a.record["seed"], b.record["seed"]) for a, b in pairs] == [(7, 7), (1, 1), (9, 2)]
    assert (alone, [cell.record["seed"] for cell in left]) == ([], [3])
    pairs, [alone], left = compare_module._match(cells([0, 1]), cells([1]))
    assert [(a.record["seed"], b.record["seed"]) for a, b in pairs] == [(1, 1)]
    assert (alone.record["seed"], left) == (0, [])


def test_results_of_one_folder_are_made_once(make_folder, monkeypatch):
    made = Counter()
    for name in ("error_table", "labelled_table", "comparison_table"):
        module = comparisons if name == "comparison_table" else errors
        real = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, real=real, name=name: made.update([name]) or real(*a)
        )
    path = fill(make_folder(), 2).write()
    results = Results(path)
    write_report(path, results)
    closing(path, results)
    assert made == dict.fromkeys(("error_table", "labelled_table", "comparison_table"), 1)


def test_a_comparison_is_the_same_from_a_compact_journal(make_folder):
    path = fill(make_folder(), 3, runs=10, batches=20).write()
    other = make_folder().path
    write_compact(read_journal(path), other / COMPACT)
    found = compare_module.compare(path, other)
    assert {change.verdict for change in found.changes} == {"unchanged"}
    assert all(change.paired for change in found.changes)
    assert dataclasses.asdict(found)["only_a"] == ()


@pytest.mark.slow
@pytest.mark.parametrize(("estimators", "drawn"), [(40, True), (41, False)])
def test_more_estimators_than_a_figure_tells_apart_are_left_to_the_page(
    make_folder, estimators, drawn
):
    folder = make_folder()
    for number in range(estimators):
        folder.add(f"solver_{number}", [[1.0], [1.1]], [[1.0], [1.0]])
    path = folder.write()
    write_report(path)
    assert (path / "estimates.png").exists() is drawn
    assert f"solver_{estimators - 1}" in (path / "report.html").read_text()
