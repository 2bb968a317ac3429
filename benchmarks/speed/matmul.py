"""The share of this machine's matrix-multiply rate that critic training reaches.

Operations are those of the matrix products alone, 2 m k n for (m, k) times (k, n). A layer from a
to b units on r points takes three products in a training step, S = sum of a b over the layers:

- forward, X W: 2 r a b, so 2 r S in all;
- gradient of the weights, X^T G: 2 r a b, so 2 r S;
- gradient of the layer's input, G W^T: 2 r a b, not needed for the first layer: 2 r (S - S_1).

The difference of means sends r = 2 n points through the network, the c-transform r = n, and takes
2 n^2 d more for the distances where d > 16 (below that they are summed without a product). The
gradient penalty has n points of its own. Its slope needs the forward pass but for the last layer,
2 n (S - S_L), and the chain of input gradients through every layer, 2 n S; the derivative of that
chain by the weights needs X^T G again, 2 n S, and the chain backwards, 2 n (S - S_L). ReLU has no
second derivative, so nothing else comes back. Biases, ReLU, means, clipping and the update rule are
not counted: they cost time and earn nothing here. Evaluation is one forward pass.

MNIST, d = 784, widths 128, 128, n = 64: S = 116,864, S_1 = 100,352, S_L = 128.

Two ceilings: the best rate of any large square product by JAX, NumPy or PyTorch on all cores, and
the rate of the step's own products in a loop, one loop a core as in training, which no program of
these shapes can be expected to beat by much.

Run: python benchmarks/speed/matmul.py [--repeats 5]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from critics import METHODS, SETTINGS, missing, ours
from timing import alternate, hardware, median_and_spread
from torch_jobs import INSTALLED

from wdist_bench.protocol.parallel import share_count

SIZES = (512, 1024, 2048, 4096)
LOOP = 400  # products in one timed loop
_GRAM_DIMENSION = 16  # above it distances come from a matrix product
_CONTRACTED = {"nn": (1, 0), "tn": (0, 0), "nt": (1, 1)}


@dataclass(frozen=True)
class Product:
    """(m, k) times (k, n), stored plain or transposed.

    Attributes:
        m: rows of the result.
        k: length of the sums.
        n: columns of the result.
        layout: "nn", "tn" (the left factor is stored (k, m)) or "nt" (the right one (n, k)).
    """

    m: int
    k: int
    n: int
    layout: str = "nn"

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.m * self.k * self.n

    def factors(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Shapes as stored."""
        left = (self.k, self.m) if self.layout == "tn" else (self.m, self.k)
        right = (self.n, self.k) if self.layout == "nt" else (self.k, self.n)
        return left, right


def forward_products(widths: tuple[int, ...], points: int) -> list[Product]:
    """One pass through the network of these widths, dimension first and 1 last."""
    return [Product(points, a, b) for a, b in pairwise(widths)]


def _descent(widths: tuple[int, ...], points: int) -> list[Product]:
    """Forward pass and gradients of a loss by all weights."""
    layers = list(pairwise(widths))
    weights = [Product(a, points, b, "tn") for a, b in layers]
    inputs = [Product(points, b, a, "nt") for a, b in layers[1:]]
    return forward_products(widths, points) + weights + inputs


def _penalty(widths: tuple[int, ...], points: int) -> list[Product]:
    """Slopes at the points, and the gradient of a function of them by all weights."""
    layers = list(pairwise(widths))
    chain = [Product(points, b, a, "nt") for a, b in layers]
    weights = [Product(a, points, b, "tn") for a, b in layers]
    back = [Product(points, a, b) for a, b in layers[:-1]]
    return forward_products(widths, points)[:-1] + chain + weights + back


def step_products(method: str, widths: tuple[int, ...], n: int) -> list[Product]:
    """The matrix products of one training step on n points of each measure."""
    if method == "c_transform":
        gram = [Product(n, widths[0], n, "nt")] if widths[0] > _GRAM_DIMENSION else []
        return _descent(widths, n) + gram
    penalty = _penalty(widths, n) if method == "gradient_penalty" else []
    return _descent(widths, 2 * n) + penalty


def evaluation_products(method: str, widths: tuple[int, ...], n: int) -> list[Product]:
    """Those of evaluating one minibatch."""
    if method == "c_transform":
        gram = [Product(n, widths[0], n, "nt")] if widths[0] > _GRAM_DIMENSION else []
        return forward_products(widths, n) + gram
    return forward_products(widths, 2 * n)


def operations(products: list[Product]) -> int:
    """Of all of them."""
    return sum(product.operations for product in products)


def square_rates(repeats: int) -> dict[str, float]:
    """Operations a second of the fastest square product of each library, all cores."""
    best: dict[str, float] = {}
    for size in SIZES:
        rng = np.random.default_rng(size)
        a, b = rng.normal(size=(2, size, size)).astype(np.float32)
        calls = _libraries(a, b, max(1, (2048 // size) ** 3))
        count = 2 * size**3 * max(1, (2048 // size) ** 3)
        for name, seconds in alternate(calls, repeats).items():
            best[name] = max(best.get(name, 0.0), count / median_and_spread(seconds)[0])
    return best


def _libraries(a: np.ndarray, b: np.ndarray, times: int) -> dict[str, Callable[[], object]]:
    """a @ b, `times` times, by each library."""
    product = jax.jit(jnp.matmul)
    left, right = jnp.asarray(a), jnp.asarray(b)
    out = np.empty_like(a)

    def repeated(call: Callable[[], Any]) -> Callable[[], object]:
        return lambda: [call() for _ in range(times)]

    calls = {
        "jax": repeated(lambda: product(left, right).block_until_ready()),
        "numpy": repeated(lambda: np.matmul(a, b, out=out)),
    }
    if INSTALLED:
        import torch

        torch.set_num_threads(share_count(10**6))
        first, second, result = torch.from_numpy(a), torch.from_numpy(b), torch.empty(a.shape)
        calls["torch"] = repeated(lambda: torch.mm(first, second, out=result))
    return calls


def loop_seconds(product: Product, repeats: int) -> float:
    """Seconds of one product in a compiled loop, one loop a core, all cores at once."""
    contracted = _CONTRACTED[product.layout]
    dimensions = (((contracted[0],), (contracted[1],)), ((), ()))

    def loop(left: jax.Array, right: jax.Array) -> jax.Array:
        def body(_: Any, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            # One entry of the factor changes, or the compiler would take the product once.
            left, out = carry
            left = left.at[0, 0].set(1e-3 * out[0, 0])
            return left, jax.lax.dot_general(left, right, dimensions)

        start = (left, jnp.zeros((product.m, product.n), jnp.float32))
        return jax.lax.fori_loop(0, LOOP, body, start)[1]

    rng = np.random.default_rng(0)
    shapes = product.factors()
    left, right = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes)
    compiled = jax.jit(loop).lower(left, right).compile()
    cores = share_count(10**6)

    def all_cores() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda _: compiled(left, right).block_until_ready(), range(cores)))

    seconds = alternate({"loop": all_cores}, repeats)["loop"]
    return median_and_spread(seconds)[0] / LOOP / cores


def training_row(method: str, repeats: int, peak: float) -> dict[str, Any]:
    """MNIST: rate of training, of the same products alone, and of the best large product."""
    setting = SETTINGS["mnist"]
    estimator = setting.estimator(method)
    dim = setting.make_task().dim
    widths, n = (dim, *estimator.widths(dim), 1), estimator.batch_size
    step = step_products(method, widths, n)
    evaluation = evaluation_products(method, widths, n)
    each = operations(step) * setting.steps + operations(evaluation) * setting.eval_batches
    seconds = [ours(setting, estimator)[1] for _ in range(repeats + 1)][1:]
    rate = each * setting.runs / median_and_spread(seconds)[0]
    alone = operations(step) / sum(loop_seconds(product, repeats) for product in step)
    return {
        "method": method,
        "operations_of_a_step": operations(step),
        "seconds": median_and_spread(seconds)[0],
        "seconds_spread": median_and_spread(seconds)[1],
        "rate": rate,
        "rate_of_the_products": alone,
        "share_of_the_peak": rate / peak,
        "share_of_the_products": rate / alone,
    }


def main(
    repeats: Annotated[int, typer.Option(help="Timed rounds.")] = 5,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Measure the rates."""
    where = hardware()
    reason = missing(SETTINGS["mnist"])
    if reason:
        raise SystemExit(f"matmul: expected the MNIST images, {reason}")
    rates = square_rates(repeats)
    print(rates, flush=True)
    rows = []
    for method in METHODS:
        rows.append(training_row(method, repeats, max(rates.values())))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    table.assign(**{f"peak_{name}": rate for name, rate in rates.items()}, hardware=where).to_csv(
        out / "matmul.csv", index=False, float_format="%.4g"
    )
    (out / "matmul.md").write_text(_text(table, rates, where, repeats), encoding="utf-8")


def _text(table: pd.DataFrame, rates: dict[str, float], where: str, repeats: int) -> str:
    setting = SETTINGS["mnist"]
    shown = pd.DataFrame(
        {
            "method": table["method"],
            "MFLOP a step": (table["operations_of_a_step"] / 1e6).map("{:.1f}".format),
            "seconds": table["seconds"].map("{:.2f}".format)
            + " +- "
            + table["seconds_spread"].map("{:.2f}".format),
            "GFLOP/s": (table["rate"] / 1e9).map("{:.0f}".format),
            "its products alone": (table["rate_of_the_products"] / 1e9).map("{:.0f}".format),
            "share of the peak": table["share_of_the_peak"].map("{:.0%}".format),
            "share of the products": table["share_of_the_products"].map("{:.0%}".format),
        }
    )
    peaks = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in rates.items())
    return (
        "# Critic training and the rate of matrix products\n\n"
        f"{where}. float32, medians of {repeats} rounds. Fastest square product of "
        f"{', '.join(map(str, SIZES))} on all cores, GFLOP/s: {peaks}; the peak is the largest. "
        f"Training: MNIST, {setting.runs} runs x {setting.steps} steps and {setting.eval_batches} "
        "evaluations, sampling included, compilation not; only matrix products are counted "
        "(`benchmarks/speed/matmul.py` derives the number). `its products alone`: the products of "
        "a step, each in a compiled loop, one loop a core.\n\n"
        + shown.to_markdown(index=False, disable_numparse=True)
        + "\n"
    )


if __name__ == "__main__":
    typer.run(main)
