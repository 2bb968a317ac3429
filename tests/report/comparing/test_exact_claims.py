"""Who claims the exact value of a batch, in ranks, headlines, checks and LaTeX."""

from __future__ import annotations

import numpy as np

from wdist_bench.report.comparing.leaderboard import leaderboard
from wdist_bench.report.results import Results
from wdist_bench.report.tables.latex import write_latex
from wdist_bench.report.text.verdicts import verdicts


def test_who_claims_the_exact_value_is_held_to_it_and_not_ranked(make_folder, tmp_path):
    """Ranks by rounding would name a solver closest that no setting compares."""
    folder = make_folder()
    noise = np.random.default_rng(0).normal(1, 0.1, (20, 1))
    for i in range(8):
        for name, off, bound in (("exact", 0.0, "exact"), ("solver", 1e-9, "exact"),
                                 ("mistaken", 1e-3, "exact"), ("near", 0.03, "none"),
                                 ("far", 0.2, "none")):  # fmt: skip
            folder.add(name, noise * (1 + off), noise, task=f"task{i}", bound=bound)
    results = Results(folder.write())
    table = results.labelled
    assert [s.variant for s in leaderboard(table, "batch")] == ["near", "far"]
    assert len(leaderboard(table, "population")) == 5
    said = " ".join(verdicts(table, results.compared))
    assert "For the exact value of the batches, **near** comes closest" in said
    assert "it is closest in 8 of 8 settings" in said
    assert "Not ranked, as claiming this value itself: solver, mistaken." in said
    assert "8 of 24 claims of a bound or the exact value were broken beyond noise: mistaken" in said
    lines = write_latex(tmp_path, results)[0].read_text("utf-8").splitlines()
    assert r"task0, dim 2, W1, n = 64 & \textbf{3.0\,\%} & 20\,\% \\" in lines
