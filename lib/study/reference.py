"""Writes params/README.md: the keys that a user needs first, then all keys as the classes that validate them have them."""

import types
import typing
from collections.abc import Iterator

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lib.study.explain import flatten
from lib.study.extends import KEY
from lib.study.parameters import Study

FIRST = (
    "name", "corpus", "tasks", "budget_minutes", "encoder.name", "source.n", "target.n", "settings", "seeds", KEY,
)  # fmt: skip
EXTENDS_ROW = (
    f"| `{KEY}` | text | no other study | study whose values this one takes over: its name, or its file's path |"
)
HEAD = ["| key | type and limits | default | meaning |", "|---|---|---|---|"]

INTRODUCTION = """\
# Parameters of a study

Written by `python -m lib.study`; do not edit by hand. A study is one YAML file.

## The ten keys you need first

This is a whole study of your own texts. [own_data.yaml](own_data.yaml) is a template with comments.

```yaml
name: mine
corpus: {loader: table, path: data/my_texts.csv, text: message}
budget_minutes: 30
split: {validation: 0.2, max_validation: 1000, max_test: 600, min_positives: 100}
```

Save it as `params/mine.yaml` and run `./run_all.sh params/mine.yaml`. This happens:

1. The texts are read from the column `message`. Every other column is a task and holds 0 or 1. With `classes: topic` the
   tasks are the classes in the column `topic` instead.
2. Every task is trained alone on its training texts: up to 1,024 as a source and up to 2,048 as a target, fewer where the
   budget cannot pay for so many.
3. Every target is trained from other starts: the frozen encoder, the mean of all sources, the mean of the most promising
   ones, and single sources, the most promising first. The best are trained again from other seeds. This ends 30 minutes
   after the start.
4. `results/mine/report.html` says for every task whether to transfer, from what, and how sure that is.
   `results/mine/recommendations.csv` holds the numbers, and `results/mine/models` the models.

Without `budget_minutes` all pairs are trained and analysed, as in the study `demo`.
"""

EXTENDING = f"""\
**`{KEY}`** says what a study shares with another one, so that its file holds only the differences:

```yaml
name: mine_larger
{KEY}: mine
target: {{n: 288}}
```

- This study has all values of `mine` but its `name` and `target.n`. A `name` is never inherited.
- Sections merge key by key: with `split: {{test: 0.1}}`, `split.validation` would stay 0.2. Lists, numbers, texts and `null`
  replace what was there. A `corpus` with another `loader` replaces the whole section.
- Give the other study's name if its file is in `params/` or `params/variants/`. Otherwise give the path of its file,
  relative to this file or to the project's folder. The other study may itself extend one.

A key that is not listed here is refused, and so is a value outside its limits. Write small numbers with a point, as in
`1.0e-5`: YAML reads `1e-5` as a text. `python -m lib.study params/mine.yaml` checks a file and prints all values of its
study. A run writes them to `results/<study>/parameters.yaml`.

## All keys
"""


def reference() -> str:
    """The page params/README.md as Markdown."""
    first = "\n".join([*HEAD, *(EXTENDS_ROW if key == KEY else _row(key, *_find(key)) for key in FIRST)])
    return "\n".join([INTRODUCTION, first, "", EXTENDING, "\n\n".join(_sections())]) + "\n"


def _find(path: str) -> tuple[FieldInfo, str]:
    """The field at a path of keys, and what it means: the section's meaning, then its own."""
    section, _, key = path.rpartition(".")
    if not section:
        return Study.model_fields[path], _meaning(Study.model_fields[path])
    outer = Study.model_fields[section]
    field = _models(outer)[0].model_fields[key]
    return field, f"{_meaning(outer)}: {_meaning(field)}"


def _sections() -> list[str]:
    """One table for the top level and for each class of parameters below it, under all the keys that hold it."""
    titles: dict[type[BaseModel], list[str]] = {Study: ["Top level"]}
    for path, model in _below("", Study):
        chosen = next((name for name in ("loader", "format") if name in model.model_fields), None)
        suffix = f" with `{chosen}: {model.model_fields[chosen].annotation.__args__[0]}`" if chosen else ""
        titles.setdefault(model, []).append(f"`{path}`{suffix}")
    return [_section(", ".join(dict.fromkeys(keys)), model) for model, keys in titles.items()]


def _below(path: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every class of parameters inside another one, with the path of keys that leads to it."""
    for key, field in model.model_fields.items():
        for inner in _models(field):
            yield f"{path}{key}", inner
            yield from _below(f"{path}{key}.", inner)


def _section(title: str, model: type[BaseModel]) -> str:
    rows = [_row(key, field, _meaning(field)) for key, field in model.model_fields.items()]
    if model is Study:
        rows.insert(1, EXTENDS_ROW)
    return "\n".join([f"### {title}", "", _docstring(model), "", *HEAD, *rows])


def _row(key: str, field: FieldInfo, meaning: str) -> str:
    return f"| `{key}` | {_kind(field)} | {_default(field)} | {meaning} |"


def _meaning(field: FieldInfo) -> str:
    if field.description or not _models(field):
        return field.description or "kind of the corpus"
    sentence = _docstring(_models(field)[0]).removesuffix(".")
    return sentence[0].lower() + sentence[1:]


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    """The classes of parameters that a field holds."""
    return [each for each in flatten(field.annotation) if isinstance(each, type) and issubclass(each, BaseModel)]


def _docstring(model: type[BaseModel]) -> str:
    return " ".join(model.__doc__.split())


def _kind(field: FieldInfo) -> str:
    leaves = flatten(field.annotation)
    outer = {typing.get_origin(each) for each in (field.annotation, *typing.get_args(field.annotation))}
    kinds = [_NAMES.get(leaf, f"`{leaf}`") for leaf in leaves if isinstance(leaf, str) or leaf in _NAMES]
    if dict in outer:
        kinds = ["sections by name", *({"null"} & {*kinds})]
    elif _models(field):
        kinds = ["list of sections" if list in outer else "section", *({"null"} & {*kinds})]
    elif list in outer:
        kinds[0] = f"list of {kinds[0]}{'s' * (kinds[0] in _NAMES.values())}"
    limited = [*(m for leaf in leaves for m in getattr(leaf, "metadata", ())), *field.metadata]
    limits = [f"{sign} {getattr(m, name)}" for m in limited for name, sign in _SIGNS.items() if hasattr(m, name)]
    return " or ".join(dict.fromkeys(kinds)) + (f" ({', '.join(limits)})" if limits else "")


_NAMES = {str: "text", int: "integer", float: "number", bool: "true / false", types.NoneType: "null"}
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "min_length": "length ≥"}


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, BaseModel):
        return "see its section"
    return f"`{yaml.safe_dump(field.default, default_flow_style=True).strip().removesuffix('...').strip()}`"
