"""The papers behind estimators, tasks and suites: `references.bib`, and who names which of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_ENTRY = re.compile(r"@\w+\{([^,\s]+),.*?\n\}", re.DOTALL)
_FIELD = re.compile(r"(\w+) = \{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_ACCENT = re.compile(r"\{\\(['`\"^c~])\{?(\w)\}?\}")
_COMBINING = {"'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "c": "\u0327",
              "~": "\u0303"}  # fmt: skip
_NEAR = 80  # characters between an author and the year of a source that is named without arXiv


@dataclass(frozen=True)
class Entry:
    """One paper.

    Attributes:
        key: by which LaTeX cites it.
        bibtex: the entry as it is.
        fields: its fields, accents and braces as BibTeX has them.
    """

    key: str
    bibtex: str
    fields: dict[str, str]

    @property
    def line(self) -> str:
        """For people: authors, year, title, where to find it."""
        people = [name.partition(",")[0] for name in self.fields["author"].split(" and ")]
        who = ", ".join(people) if len(people) < 4 else f"{people[0]} et al."
        place = self.fields.get("eprint")
        where = f", arXiv {place}" if place else ""
        return f"{plain(who)} {self.fields['year']}, {plain(self.fields['title'])}{where}"

    def named_in(self, text: str) -> bool:
        """Whether a text names it: by its arXiv number; where it has none by author and year."""
        if "eprint" in self.fields:
            return re.search(rf"\b{re.escape(self.fields['eprint'])}\b", text) is not None
        first = plain(self.fields["author"].partition(",")[0])
        pattern = rf"\b{re.escape(first)}\b[^;]{{0,{_NEAR}}}?\b{self.fields['year']}\b"
        return re.search(pattern, text) is not None


@lru_cache(maxsize=1)
def bibliography() -> dict[str, Entry]:
    """Every paper by its key, in the order of the file."""
    text = files("wdist_bench.references").joinpath("references.bib").read_text(encoding="utf-8")
    return {
        match[1]: Entry(match[1], match[0], dict(_FIELD.findall(match[0])))
        for match in _ENTRY.finditer(text)
    }


def named_in(text: str) -> list[Entry]:
    """The papers that a text names."""
    flat = " ".join(text.split())
    return [entry for entry in bibliography().values() if entry.named_in(flat)]


def plain(text: str) -> str:
    """A field as people write it: accented letters, no braces, no dollars."""

    def letter(match: re.Match[str]) -> str:
        return unicodedata.normalize("NFC", match[2] + _COMBINING[match[1]])

    return re.sub(r"[{}$]", "", _ACCENT.sub(letter, text))
