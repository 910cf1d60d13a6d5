"""Which code a result depends on, so that what was computed before is used again until that code changes."""

import ast
import io
import tokenize
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from lib.storage.ledger import fingerprint

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_BLOCKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: ">", tokenize.DEDENT: "<"}


def code_fingerprint(source: str) -> str:
    """A hash of what Python code does: not of its comments, docstrings, line breaks and imports, which may be reworded,
    wrapped and moved."""
    lines: list[list[tokenize.TokenInfo]] = [[]]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _LAYOUT:
            continue
        lines[-1].append(token)
        if token.type == tokenize.NEWLINE:
            lines.append([])
    kept = [[_BLOCKS.get(token.type, token.string) for token in line] for line in lines if not _decides_nothing(line)]
    return fingerprint(" ".join(part for line in kept for part in line))


def _decides_nothing(line: list[tokenize.TokenInfo]) -> bool:
    """Whether a logical line is an import or a lone text (a docstring)."""
    content = [token for token in line if token.type not in _BLOCKS]
    if not content:
        return False  # the end of a block
    return content[0].string in ("import", "from") or all(token.type == tokenize.STRING for token in content)


def imported_files(codes: Iterable[str], root: Path) -> list[Path]:
    """The files below ``root``/lib that code imports, directly or through each other, sorted.

    Read off the import statements, those inside functions too; a package whose files are loaded by name (the selectors)
    counts as a whole.
    """
    found: set[Path] = set()
    waiting = set().union(*(_named(code, root) for code in codes))
    while waiting:
        path = waiting.pop()
        found.add(path)
        code = path.read_text()
        waiting |= _named(code, root) - found
        if "pkgutil" in code:
            waiting |= set(path.parent.glob("*.py")) - found
    return sorted(found)


@lru_cache(maxsize=1024)  # notebooks share most of what they import
def _named(code: str, root: Path) -> frozenset[Path]:
    """The files of lib that the import statements of one piece of code name, their packages' included."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    paths = set()
    for name in names:
        parts = name.split(".")
        if parts[0] == "lib":
            paths |= {root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)}
            paths.add(root.joinpath(*parts).with_suffix(".py"))
    return frozenset(path for path in paths if path.is_file())
