"""The site, built once for all tests of a process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from markdown_pages import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    reason = "needs the extra `docs`: make docs"
    pytest.importorskip("material", reason=reason)
    pytest.importorskip("mkdocstrings_handlers.python", reason=reason)
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder
