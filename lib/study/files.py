"""Where the project is, where its studies' files are, and what they hold."""

from pathlib import Path

import yaml

from lib.errors import InputError

ROOT = Path(__file__).resolve().parents[2]  # the project's folder
FOLDERS = (Path("params"), Path("params") / "variants")  # where a study is looked up by its name, in this order


def find_parameters(name_or_path: str | Path, beside: Path = Path()) -> Path:
    """The YAML file of a study, given its name or the file's path; InputError where there is none.

    Looked up in the folder ``beside`` (the current one), then in the project's folder; a name in params/, then in
    params/variants/.
    """
    given = Path(name_or_path)
    if given.suffix in (".yaml", ".yml"):
        places = [beside / given, ROOT / given]
    else:
        file = f"{name_or_path}.yaml"
        given = FOLDERS[0] / file
        places = [base / folder / file for folder in FOLDERS for base in (beside, ROOT)]
    for path in places:
        if path.is_file():
            return path
    known = ", ".join(sorted(named_studies()))
    raise InputError(f"no parameters at {given}; name one of the studies {known}, or give the path of a YAML file")


def named_studies() -> dict[str, Path]:
    """The project's studies: name -> file. A name in params/ hides the same name in params/variants/."""
    return {path.stem: path for folder in reversed(FOLDERS) for path in (ROOT / folder).glob("*.yaml")}


def read_yaml(path: Path) -> object:
    """The content of a YAML file; InputError where it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{shown(path)}: not readable as YAML: {' '.join(str(error).split())}") from None


def shown(path: Path) -> str:
    """A path as a user would type it: relative to the project's folder where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
