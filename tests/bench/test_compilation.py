"""The persistent compilation cache belongs to our processes, and records say when it was used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from wdist_bench.bench import compilation

PROGRAM = """
import json, time
import jax, jax.numpy as jnp
from wdist_bench.bench import compilation
compilation.use_cache()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
before = compilation.count()
with compilation.timed_program():
    jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x).T).lower(jnp.ones((8, 8))).compile()
print(json.dumps([compilation.count().cached_since(before), jax.config.jax_compilation_cache_dir]))
"""


def test_a_second_process_takes_the_program_from_the_users_cache_and_says_so(tmp_path):
    environment = os.environ | {"WDIST_BENCH_CACHE": str(tmp_path)}
    answers = []
    for _ in range(2):
        answer = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        answers.append(json.loads(answer.stdout))
    assert [cached for cached, _ in answers] == [False, True]
    assert answers[0][1].startswith(str(tmp_path / "jax"))


def test_the_library_leaves_the_flags_of_other_programs_alone():
    from wdist_bench.bench.isolation import Workers

    Workers().close()
    ours = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    assert jax.config.jax_compilation_cache_dir == ours


def test_a_helper_from_the_cache_does_not_make_a_timed_program_cached():
    from wdist_bench.bench.compilation import Count

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
