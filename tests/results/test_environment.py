"""The revision is that of the package, not of a repository that it happens to lie in."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess

import pytest

from wdist_bench.results import environment


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_repository_around_an_installed_package_is_not_its_own(tmp_path):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *words], cwd=tmp_path,
                       check=True, capture_output=True)  # fmt: skip

    place = tmp_path / ".venv" / "results"
    place.mkdir(parents=True)
    shutil.copy(environment.__file__, place / "environment.py")
    spec = importlib.util.spec_from_file_location("copied", place / "environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "mine.txt").write_text("1")
    git("init", "-q")
    git("add", "mine.txt")
    git("commit", "-qm", "mine")
    (tmp_path / "mine.txt").write_text("2")
    found = module.describe_environment()
    assert (found["git"], found["git_dirty"]) == ("", False)
    git("add", "-f", ".venv")
    git("commit", "-qm", "the package too")
    assert len(module.describe_environment()["git"]) == 40
