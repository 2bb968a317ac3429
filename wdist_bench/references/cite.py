"""`cite`: what to cite for an estimator, a task or a suite."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from wdist_bench import costs, estimators, experiment, tasks
from wdist_bench.references.bibliography import named_in
from wdist_bench.registry import Registry
from wdist_bench.runs.shipped import shipped
from wdist_bench.validation import check_name

OURS = "wdist_bench"
"""The key of this suite."""

_SUITE = """\
@software{{wdist_bench,
  author = {{{{The wdist\\_bench founders}}}},
  title = {{wdist\\_bench: a reference suite for {{W}}asserstein-distance estimation}},
  version = {{{version}}}
}}"""
_REGISTRIES: tuple[Registry[Any], ...] = (
    estimators.registry, tasks.registry, costs.registry, experiment.registry,
)  # fmt: skip


@dataclass(frozen=True)
class Citation:
    """What to cite for a name.

    Attributes:
        name: what was asked for.
        keys: of the entries, for \\cite; the suite itself comes first.
        bibtex: the entries.
        lines: each paper in a line for people; empty where there is none.
    """

    name: str
    keys: tuple[str, ...]
    bibtex: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return self.bibtex


def cite(name: Any = OURS) -> Citation:
    """BibTeX for an estimator, a task, a ground cost, an experiment or a suite.

    The first entry is this suite. The others are the papers that the docstring of the class (of all
    classes of that name) gives as its source; of a suite those of its description and of every
    estimator, task and experiment in it. A class of a plug-in may have its entries in a class
    attribute `bibtex`. What has no paper cites this suite alone.

    Args:
        name: a registered name, the name of a suite that comes with the package, an object with
            such a `name`, or nothing: the suite itself.

    Returns:
        a `Citation`, whose text is BibTeX.

    Raises:
        ValueError: nothing of ours or of a plug-in has this name.
    """
    name = getattr(name, "name", name)
    sources = _sources(name)
    papers = named_in("\n".join(sources))
    own = [factory.bibtex for factory in _classes(name) if getattr(factory, "bibtex", "")]
    ours = _SUITE.format(version=version("wdist-bench"))
    entries = [ours, *(paper.bibtex for paper in papers), *map(str.strip, own)]
    keys = (OURS, *(paper.key for paper in papers), *re.findall(r"@\w+\{([^,\s]+)", "".join(own)))
    return Citation(str(name), keys, "\n\n".join(entries), tuple(p.line for p in papers))


def _classes(name: Any) -> list[Any]:
    """What is registered under a name, of whatever kind."""
    return [kind.factory(name) for kind in _REGISTRIES if name in kind.names()]


def _sources(name: Any) -> list[str]:
    """The texts that name the papers of a name."""
    if name == OURS:
        return []
    known = [*(n for kind in _REGISTRIES for n in kind.names()), *shipped()]
    check_name(name, list(dict.fromkeys(known)), "estimator, task, cost, experiment or suite")
    found = [text for factory in _classes(name) for text in _of_class(factory)]
    if name not in shipped():
        return found
    words = dict.fromkeys(_words(_content(name)))
    inside = [factory for word in words for factory in _classes(word)]
    return [*found, *words, *(text for factory in inside for text in _of_class(factory))]


def _of_class(factory: Any) -> list[str]:
    """What a class says of its sources: in its docstring, its methods' and its `reference`."""
    own = [member for member in vars(factory).values() if inspect.isfunction(member)]
    docs = [inspect.getdoc(thing) or "" for thing in (factory, *own)]
    reference = vars(factory).get("reference", "")
    found = [source(text) for text in docs]
    return [*found, reference if isinstance(reference, str) else ""]


def source(docstring: str) -> str:
    """The paragraph that begins with "Source:"; empty where there is none."""
    match = re.search(r"^Source: (.*?)(?:\n\s*\n|\Z)", docstring, re.DOTALL | re.MULTILINE)
    return " ".join(match[1].split()) if match else ""


def _words(content: Any) -> Iterator[str]:
    """Every text in a suite: its title and description, names, and names as parameters."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _words(part)


@lru_cache(maxsize=32)
def _content(suite: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(shipped()[suite].read_text(encoding="utf-8"))
