"""What is wrong with a study's parameters, as one clause a fault."""

import difflib
import typing

from pydantic import BaseModel

from lib.study.extends import KEY
from lib.study.mixed import FORMATS, LOADERS


def explain(fault: dict, parameters: type[BaseModel]) -> str:
    """One validation error of these parameters as one clause: the key, what is wrong, what is allowed."""
    location, path = fault["loc"], key_path(fault)
    key = ".".join(map(str, path))
    if fault["type"] == "extra_forbidden":
        allowed = [*_model_at(location[:-1], parameters).model_fields, *([KEY] if len(path) == 1 else [])]
        close = difflib.get_close_matches(str(path[-1]), allowed, 1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        return f"unknown key '{key}' ({hint}allowed: {', '.join(allowed)})"
    message = fault["msg"].removeprefix("Value error, ")
    given = fault["input"]
    if isinstance(given, str) and fault["type"] in ("float_type", "int_type"):
        message += " (YAML reads 1e-5 as a text: write 1.0e-5)"
    found = f", found {given!r}"[:80] if isinstance(given, str | int | float | bool) else ""
    return f"'{key}': {message}{found}" if path else message  # of several keys, which the message names


def key_path(fault: dict) -> tuple:
    """The keys and list positions that lead to a validation error, without the names of loader and format that pydantic
    adds: ("corpus", loader, ...), or ("corpus", "mixed", "tasks", task, format, ...), where a corpus may follow."""
    location = fault["loc"]
    if location[:1] != ("corpus",):
        return location
    added = {1} if location[1:2] != ("mixed",) else {1, 4, 6} if location[5:6] == ("corpus",) else {1, 4}
    return tuple(part for place, part in enumerate(location) if place not in added)


def _model_at(location: tuple, model: type[BaseModel]) -> type[BaseModel]:
    """The class of parameters that a path of keys, list positions, and names of loader and format leads to."""
    for part in location:
        if part in model.model_fields:
            leaves = flatten(model.model_fields[part].annotation)
            model = next((leaf for leaf in leaves if isinstance(leaf, type) and issubclass(leaf, BaseModel)), model)
        elif part in LOADERS or part in FORMATS:
            model = LOADERS.get(part) or FORMATS[part]
    return model


def flatten(annotation: object) -> list:
    """All classes inside an annotation such as ``list[Setting]`` or ``A | B``."""
    arguments = typing.get_args(annotation)
    return [leaf for argument in arguments for leaf in flatten(argument)] if arguments else [annotation]
