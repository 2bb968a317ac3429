"""Runs sharded over devices give the numbers of one device."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wdist_bench.protocol.parallel import map_runs, run_keys

PROGRAM = """
import json, sys
import jax, numpy as np
from wdist_bench import estimators, tasks
from wdist_bench.protocol import parallel
from wdist_bench.protocol.parallel import map_runs, run_keys
from wdist_bench.protocol.stream import Stream, run_stream
from wdist_bench.costs import Cost

assert jax.local_device_count() == int(sys.argv[1]), jax.devices()
answers, devices, on_devices = {}, [], parallel._on_devices
parallel._on_devices = lambda *given: devices.append(given[-1]) or on_devices(*given)
for task in ("gaussian_shift", "funnels"):  # float32, and 64-bit sampling
    estimator = estimators.get("c_transform", steps=30, batch_size=16)
    result = run_stream(tasks.get(task), estimator, Cost(1), Stream(n=16, runs=10, eval_batches=2))
    answers[task] = result.costs.tolist()
shards = map_runs(lambda key, x: {"v": jax.random.normal(key) + x}, run_keys(0, 10), 1.0)
answers["draws"] = shards.result["v"].tolist()
assert devices == ([8] * 3 if sys.argv[1] == "8" else []), devices
print(json.dumps(answers))
"""


def answers(devices):
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(devices)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.mark.slow
def test_the_numbers_do_not_depend_on_the_number_of_devices():
    one, eight = answers(1), answers(8)  # 10 runs do not come out even on 8
    assert one.keys() == eight.keys()
    for name in one:
        np.testing.assert_allclose(one[name], eight[name], rtol=1e-5, atol=1e-6, err_msg=name)
    assert np.shape(eight["funnels"]) == (10, 2)
    assert np.unique(eight["draws"]).size == 10


@pytest.mark.parametrize("runs", [1, 3, 4])
def test_every_run_is_mapped_once_and_in_order(runs):
    keys = run_keys(5, runs)
    timed = map_runs(lambda key, scale: scale * jax.random.uniform(key, (2,)), keys, jnp.float32(3))
    expected = np.stack([3 * np.asarray(jax.random.uniform(key, (2,))) for key in keys])
    np.testing.assert_allclose(timed.result, expected, rtol=1e-6)
