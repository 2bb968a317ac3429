"""A forked worker says that JAX would hang in it; methods without JAX work there."""

import subprocess
import sys

import pytest

CODE = """
import multiprocessing, warnings
import jax.numpy as jnp
import numpy as np
import wdist_bench as wb

warnings.simplefilter("ignore")

def one(method):
    try:
        if method == "distance":
            return float(wb.distance(np.zeros((3, 1)), np.ones((3, 1))))
        return wb.estimate(np.zeros((3, 1)), np.ones((3, 1)), method).value
    except RuntimeError as error:
        return str(error)

if __name__ == "__main__":
    USED
    with multiprocessing.get_context("fork").Pool(1) as pool:
        for method in ("exact", "gaussian", "nearest_neighbor", "bracket", "sliced",
                       "distance"):
            print(method, pool.map_async(one, [method]).get(timeout=300)[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems start workers by spawn")
@pytest.mark.parametrize("used", [True, False])
def test_a_worker_that_was_forked_after_jax_has_run_names_spawn(used):
    code = CODE.replace("USED", "jnp.ones(1).block_until_ready()" if used else "pass")
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True
    )
    said = dict(line.split(" ", 1) for line in ran.stdout.splitlines())
    for method, answer in said.items():
        if used and method in ("bracket", "sliced", "distance"):
            assert "get_context('spawn')" in answer
        else:
            assert float(answer) == pytest.approx(1), method
    assert len(said) == 6
