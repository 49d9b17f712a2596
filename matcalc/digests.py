"""Digests of the structure of nodes, by which they are ordered: the same in every session.

Most nodes are never compared, so that a digest is made when it is first asked for. Nothing here recurses.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sympy import Basic, Symbol, sstr
from sympy.core.symbol import Str

MANY = 1_000_000  # beyond this many transposes a node does not count them


def digest(node: Any) -> tuple[bytes, int]:
    """The digest of a node and the number of transposes in it, which the nodes remember."""
    stack = [node]
    while stack:
        top = stack[-1]
        waiting = [o for o in top.operands if o._digest is None] if top._digest is None else []
        if waiting:
            stack += waiting
            continue
        stack.pop()
        if top._digest is None:
            top._digest = _own_digest(top)
    found: tuple[bytes, int] = node._digest
    return found


def _own_digest(node: Any) -> tuple[bytes, int]:
    """The digest of a node whose operands have theirs."""
    contents, ticks = [node.tag], node.own_ticks
    for argument in node._args:
        known = getattr(argument, "_digest", None)
        if known is None:
            contents.append(_argument_key(argument))
        else:
            contents.append(known[0])
            ticks += known[1]
    return blake2b(b"".join(contents), digest_size=16).digest(), ticks if ticks < MANY else MANY


@lru_cache(maxsize=4096)
def _argument_key(argument: Basic) -> bytes:
    text = argument.name if isinstance(argument, Str) or type(argument) is Symbol else sstr(argument)
    return b"|" + text.encode()
