"""The cells of a notebook file, and the check of its parameters that papermill lacks."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from lib.errors import InputError
from lib.study.files import shown


@dataclass(frozen=True)
class Cell:
    """What a cell says, without its outputs, which JupyterLab writes into the same file."""

    kind: str  # "markdown", "code" or "raw"
    source: str
    tags: tuple[str, ...]


def read_cells(path: Path) -> list[Cell]:
    """The cells of a notebook file; InputError for a file that is not a notebook."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return [Cell(c["cell_type"], "".join(c["source"]), tuple(c["metadata"].get("tags", []))) for c in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InputError(f"{shown(path)} is not a readable notebook ({reason}); restore the file") from None


def check_parameters(cells: list[Cell], name: str, parameters: dict) -> None:
    """InputError unless one code cell is tagged 'parameters' and defines every parameter; papermill only warns."""
    tagged = [cell for cell in cells if "parameters" in cell.tags]
    if len(tagged) != 1 or tagged[0].kind != "code":
        raise InputError(f"{name}: expected one code cell tagged 'parameters', found {len(tagged)}; tag exactly one")
    missing = sorted(set(parameters) - _assigned_names(tagged[0].source, name))
    if missing:
        raise InputError(f"{name}: its cell tagged 'parameters' does not define '{missing[0]}'; add it there")


def _assigned_names(code: str, name: str) -> set[str]:
    try:
        statements = ast.parse(code).body
    except SyntaxError as error:
        raise InputError(f"{name}: its cell tagged 'parameters' is not Python ({error.msg}); correct it") from None
    plain = [target for s in statements if isinstance(s, ast.Assign) for target in s.targets]
    annotated = [s.target for s in statements if isinstance(s, ast.AnnAssign)]
    return {target.id for target in [*plain, *annotated] if isinstance(target, ast.Name)}
