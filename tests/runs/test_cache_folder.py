"""A run whose cache folder cannot be made."""

from __future__ import annotations

from waiting import PATIENCE


def test_a_cache_that_cannot_be_made_costs_one_line_and_no_cell(
    tmp_path, monkeypatch, drive, deeds
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "file"))
    driver = drive(deeds(3), tmp_path / "out", "--jobs", 2)
    _, errors = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 0, errors
    assert len(errors.splitlines()) == 1
    assert errors.startswith(
        f"warning: cache: expected a folder that can be written, got {tmp_path}/file ("
    )
    assert "WDIST_BENCH_CACHE" in errors
