"""Where the project, its parameter files and its studies' names are found."""

from pathlib import Path

import yaml

from lib.errors import InputError

ROOT = Path(__file__).resolve().parents[2]  # the project's folder


def find_parameters(name_or_path: str | Path) -> Path:
    """The YAML file of a study: a name in params/, or a path (as given, else relative to the project's folder)."""
    given = Path(name_or_path)
    if given.suffix not in (".yaml", ".yml"):
        given = Path("params") / f"{given}.yaml"
    for path in (given, ROOT / given):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in (ROOT / "params").glob("*.yaml")))
    raise InputError(f"no parameters at {given}; the studies here are {known}, or give the path of a YAML file")


def read_yaml(path: Path) -> object:
    """The content of a YAML file; InputError where it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None


def shown(path: Path) -> str:
    """A path as a user would type it: relative to the project's folder where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
