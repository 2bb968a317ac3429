"""What the study calls its generators, its rows and its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wdist_bench.studies.generators.pool import MIXTURE

LABELS = {
    "saturating": "GAN, saturating",
    "non_saturating": "GAN, -log D",
    "sn_gan": "SN-GAN, hinge",
    "weight_clipping": "WGAN, clipping",
    "gradient_penalty": "WGAN-GP",
    "self_attention": "WGAN-GP, attention",
    "conditional": "WGAN-GP, conditional",
    "c_transform": "c-transform",
    "soft_c_transform": "soft c-transform",
    "funnel": "funnel",
    "ddpm": "DDPM, ancestral",
    "ddim": "DDPM, DDIM",
    "held_out": "control: held-out rows",
    "memoriser": "control: memoriser",
    "mean_image": "control: mean image",
}


def name_of(record: dict[str, Any]) -> str:
    """The generator's own name."""
    return str(record["parameters"]["generator"])


def label(record: dict[str, Any]) -> str:
    """The generator in words."""
    return LABELS[name_of(record)]


def place(record: dict[str, Any]) -> str:
    """The rows in words: "8 Gaussians", "mnist, classes 0, 1", "digits, all images"."""
    dataset, chosen = record["parameters"]["dataset"], record["parameters"]["classes"]
    if dataset == MIXTURE:
        return "8 Gaussians"
    if not chosen:
        return f"{dataset}, all images"
    plural = "classes" if len(chosen) > 1 else "class"
    return f"{dataset}, {plural} {', '.join(map(str, chosen))}"


def by_place(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The records of each set of rows, in their order.

    Where a generator has several there, of other seeds say, each of these is a place of its own.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(place(record), []).append(record)
    apart: dict[str, list[dict[str, Any]]] = {}
    for where, here in found.items():
        varied = _varied(here)
        for record in here:
            said = [f"{name} {record['parameters'].get(name)}" for name in varied]
            apart.setdefault(", ".join([where, *said]), []).append(record)
    return apart


def _varied(records: list[dict[str, Any]]) -> list[str]:
    """The parameters in which records of one generator, or of one loss, differ."""
    same: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        p = record["parameters"]
        same.setdefault(p.get("generator") or p["loss"], []).append(p)
    names = dict.fromkeys(name for record in records for name in record["parameters"])
    return [
        name
        for name in names
        if any(len({str(p.get(name)) for p in several}) > 1 for several in same.values())
    ]


def layers(widths: Sequence[int]) -> str:
    """Hidden layers in words: "2 x 128", "128-64"."""
    if not widths:
        return "no hidden layer"
    even = len(set(widths)) == 1
    return f"{len(widths)} x {widths[0]}" if even else "-".join(map(str, widths))


def setting(record: dict[str, Any]) -> str:
    """The sizes: "2 x 128, batch normalisation"."""
    p = record["parameters"]
    words = [layers(p["hidden"])]
    if p["batch_norm"]:
        words.append("batch normalisation")
    return ", ".join(words)
