"""What the study calls its generators, its rows and its settings."""

from __future__ import annotations

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
    """The records of each set of rows, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(place(record), []).append(record)
    return found


def setting(record: dict[str, Any]) -> str:
    """The sizes and the rate: "2 x 128, batch normalisation, rate 3"."""
    p = record["parameters"]
    widths = list(p["hidden"])
    words = [f"{len(widths)} x {widths[0]}"]
    if p["batch_norm"]:
        words.append("batch normalisation")
    return ", ".join(words)
