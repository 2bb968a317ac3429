"""The persistent compilation cache belongs to our processes, and records say when it was used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from wdist_bench.protocol import compilation

PROGRAM = """
import json, time
import jax, jax.numpy as jnp
from wdist_bench.protocol import compilation
compilation.use_cache()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
before = compilation.count()
with compilation.timed_program():
    jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x).T).lower(jnp.ones((8, 8))).compile()
print(json.dumps(compilation.count().cached_since(before)))
"""
SECOND = """
folder = jax.config.jax_compilation_cache_dir
{spoil}
jax.jit(lambda x: jnp.tan(x) @ x)(jnp.ones((4, 4)))
before =""".lstrip()


def compiled(tmp_path, spoil=""):
    """Two programs in a process whose warnings are errors: cached or not, and what it wrote."""
    program = PROGRAM.replace("before =", SECOND.format(spoil=spoil))
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=os.environ | {"WDIST_BENCH_CACHE": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout), answer.stderr.splitlines()


def test_programs_are_kept_for_other_processes_and_those_cut_off_compiled_again(tmp_path):
    """These are named once; the one after them takes all from the cache and says so."""
    assert compiled(tmp_path) == (False, [])
    kept = list((tmp_path / "jax").rglob("*-cache"))
    assert len(kept) > 1
    for file in kept:
        file.write_bytes(file.read_bytes()[:100])
    kept[0].write_bytes(b"")
    cached, warned = compiled(tmp_path)
    assert not cached
    assert len(warned) == 1
    assert "expected whole compiled programs" in warned[0]
    assert str(tmp_path) in warned[0]
    assert compiled(tmp_path) == (True, [])


@pytest.mark.parametrize(
    "spoil",
    [
        "import shutil, pathlib; shutil.rmtree(folder); pathlib.Path(folder).write_text('')",
        # No file may grow: what a full disk or a quota gives, but for the words.
        pytest.param(
            "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
            marks=pytest.mark.skipif(
                jax.default_backend() != "cpu", reason="a GPU's compiler writes files of its own"
            ),
        ),
    ],
    ids=["gone", "full"],
)
def test_a_folder_that_takes_no_more_programs_is_named_once(tmp_path, spoil):
    cached, warned = compiled(tmp_path, spoil)
    assert not cached
    assert len(warned) == 1
    assert "expected a folder that can be written" in warned[0]
    assert "WDIST_BENCH_CACHE" in warned[0]


def test_the_library_leaves_the_flags_of_other_programs_alone():
    from wdist_bench.runs.isolation import Workers

    Workers().close()
    ours = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    assert jax.config.jax_compilation_cache_dir == ours


def test_a_helper_from_the_cache_does_not_make_a_timed_program_cached():
    from wdist_bench.protocol.compilation import Count

    before = Count(taken=3, timed=1, timed_taken=0)
    assert not Count(taken=4, timed=2, timed_taken=0).cached_since(before)
    assert Count(taken=4, timed=2, timed_taken=1).cached_since(before)
    assert Count(taken=4, timed=1, timed_taken=0).cached_since(before)
    assert not before.cached_since(before)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux limits memory maps")
def test_programs_are_dropped_where_their_maps_near_the_limit(monkeypatch):
    traced = []

    @jax.jit
    def program(x):
        traced.append(x.shape)
        return 2 * x

    program(1.0)
    compilation.make_room()
    program(1.0)
    assert len(traced) == 1
    monkeypatch.setattr(compilation, "_CROWDED", 0.0)
    compilation.make_room()
    assert program(1.0) == 2
    assert len(traced) == 2


def test_spans_that_nest_count_once():
    found = compilation.Compiling()
    for start, end in ((1, 2), (2, 3), (1.5, 4), (5, 6)):
        found.add(start, end)
    assert found.spans == [(1, 4), (5, 6)]
    assert found.seconds == 4
