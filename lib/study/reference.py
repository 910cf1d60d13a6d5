"""The reference of all parameters, written from the classes that validate them."""

import types
import typing

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from lib.study.explain import flatten
from lib.study.parameters import Study


def reference() -> str:
    """The documentation of all keys as Markdown, written from the classes above."""
    lines = [
        "# Parameters of a study",
        "",
        "Written by `python -m lib.study`; do not edit by hand. One YAML file per study.",
        "",
    ]
    lines += _section("", Study)
    return "\n".join(lines)


def _section(prefix: str, model: type[BaseModel]) -> list[str]:
    title = f"`{prefix}`" if prefix else "Top level"
    lines = [
        f"## {title}",
        "",
        " ".join((model.__doc__ or "").split()),
        "",
        "| key | type and limits | default | meaning |",
        "|---|---|---|---|",
    ]
    inner = []
    for name, field in model.model_fields.items():
        models = [a for a in flatten(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
        key = f"{prefix}.{name}" if prefix else name
        meaning = field.description or (" ".join((models[0].__doc__ or "").split()) if models else "names the loader")
        lines.append(f"| `{name}` | {_kind(field)} | {_default(field)} | {meaning} |")
        for part in models:
            loader = part.model_fields["loader"].annotation.__args__[0] if "loader" in part.model_fields else None
            inner += _section(f"{key} ({loader})" if loader else key, part)
    return [*lines, "", *inner]


def _kind(field) -> str:
    leaves = [leaf for leaf in flatten(field.annotation)]
    names = {str: "text", int: "integer", float: "number", bool: "true / false", types.NoneType: "null"}
    if any(isinstance(leaf, type) and issubclass(leaf, BaseModel) for leaf in leaves):
        return "list of sections" if typing.get_origin(field.annotation) is list else "section"
    shown = " or ".join(dict.fromkeys(names.get(leaf, f"`{leaf}`") for leaf in leaves if _shown(leaf)))
    limits = [f"{sign} {getattr(m, name)}" for m in field.metadata for name, sign in _SIGNS.items() if hasattr(m, name)]
    listed = (
        "list of "
        if any(typing.get_origin(a) is list for a in (field.annotation, *typing.get_args(field.annotation)))
        else ""
    )
    return listed + shown + (f" ({', '.join(limits)})" if limits else "")


_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "min_length": "length ≥"}


def _shown(leaf: object) -> bool:
    """Leaves of an annotation that a reader needs: not pydantic's own metadata."""
    return isinstance(leaf, str) or leaf in (str, int, float, bool, types.NoneType)


def _default(field) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "see its section" if isinstance(field.default, BaseModel) else f"`{_yaml_value(field.default)}`"


def _yaml_value(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("...").strip()
