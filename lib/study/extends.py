"""``extends: OTHER`` in a study's file takes over the values of another study, so that only differences are written down."""

from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path

from lib.errors import InputError
from lib.study.files import find_parameters, read_yaml, shown

KEY = "extends"
NOT_INHERITED = ("name",)


@dataclass(frozen=True)
class Layer:
    """What one file of a chain says itself, without the key ``extends``."""

    origin: str  # what messages call the file
    values: dict


def read_layers(values: object, origin: str, file: Path | None = None) -> list[Layer]:
    """What a study says itself, then what each file says that it extends, from the nearest to the farthest.

    values: the study's own content. origin: what messages call it. file: where it lies, if it comes from a file.
    InputError for a content without keys, an ``extends`` that leads to no file, and a circle of files.
    """
    layers, files = [], [file.resolve()] if file else []
    while True:
        if not isinstance(values, dict):
            raise InputError(f"{origin}: expected 'key: value' lines, found {type(values).__name__}")
        layers.append(Layer(origin, {key: value for key, value in values.items() if key != KEY}))
        if KEY not in values:
            return layers
        file = _find_base(values[KEY], origin, file)
        files.append(file.resolve())
        if file.resolve() in files[:-1]:
            circle = " -> ".join(shown(path) for path in files)
            raise InputError(
                f"{layers[0].origin}: '{KEY}' leads in a circle, {circle}; take it out of one of these files"
            )
        values, origin = read_yaml(file), shown(file)


def _find_base(name_or_path: object, origin: str, file: Path | None) -> Path:
    """The file that ``extends`` names: a study's name, or a path relative to the naming file or the project's folder."""
    if not isinstance(name_or_path, str):
        raise InputError(f"{origin}: '{KEY}': give the name of one study or the path of its file, not {name_or_path!r}")
    try:
        return find_parameters(name_or_path, file.parent if file else Path())
    except InputError as error:
        raise InputError(f"{origin}: '{KEY}': {error}") from None


def merge(layers: list[Layer]) -> dict:
    """The values of all layers; a nearer one has the last word. ``name`` comes from the nearest only."""
    nearest, *others = [layer.values for layer in layers]
    inherited = [{key: value for key, value in values.items() if key not in NOT_INHERITED} for values in others]
    return reduce(overlay, reversed([nearest, *inherited]))


def overlay(base: object, own: object) -> object:
    """Mappings merge key by key; anything else replaces, and so does a corpus with another loader."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    if "loader" in base and own.get("loader", base["loader"]) != base["loader"]:
        return own
    return base | {key: overlay(base[key], value) if key in base else value for key, value in own.items()}


def named_in(layers: list[Layer], path: tuple) -> str:
    """Which of the extended files holds the value at this path of keys and list positions, as the end of a message.

    Empty where the study's own file holds it. Of a key that is missing, the place where it is missing counts.
    """
    for place in (path, path[:-1]):
        for layer in layers:
            if _holds(layer.values, place):
                return "" if layer is layers[0] else f", in {layer.origin}, which it extends"
    return ""


def _holds(values: dict, path: tuple) -> bool:
    try:
        reduce(getitem, path, values)
    except (KeyError, IndexError, TypeError):
        return False
    return True
