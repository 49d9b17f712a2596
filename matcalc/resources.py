"""The data folders of the package: the grammar and the rule book.

An installed package carries them inside itself; a checkout and an editable install have them beside it.

>>> "matcalc.lark" in resource_names("grammar", ".lark")
True
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@cache
def resource_folder(kind: str) -> Traversable:
    """The folder of that kind, "grammar" or "rules"; FileNotFoundError if there is none."""
    for folder in _places(kind):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"matcalc is not installed completely: its folder {kind!r} is missing")


def _places(kind: str) -> Iterator[Traversable]:
    # Plain paths first: importlib.resources costs several milliseconds to import and is needed only when the
    # package is not made of files, as in a zip archive.
    package = Path(__file__).parent
    yield package / kind
    yield package.parent / kind
    from importlib.resources import files

    yield files("matcalc").joinpath(kind)


def resource(kind: str, name: str) -> str:
    """The text of one data file.

    >>> resource("grammar", "matcalc.lark").startswith("//")
    True
    """
    return resource_folder(kind).joinpath(name).read_text(encoding="utf-8")


def resource_names(kind: str, suffix: str) -> tuple[str, ...]:
    """The names of the data files of a kind that end so, in alphabetical order."""
    return tuple(sorted(item.name for item in resource_folder(kind).iterdir() if item.name.endswith(suffix)))
