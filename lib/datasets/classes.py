"""A column that names the classes of each text, as one 0/1 label per class.

A class that is written in two ways would become two tasks, so such columns are refused and never guessed around.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd
from pandas.api.types import is_scalar

from lib.datasets.corpus import check_label_name
from lib.errors import InputError

JOINERS = (";", "|", ",")  # that people write between classes
MOST = 1000  # classes of a column; one with more holds something else


def one_against_the_rest(classes: list[set[str]], names: list[str] | None = None) -> pd.DataFrame:
    """One 0/1 column per class.

    classes: those of each text. names: all classes in the order of the columns; None: those that occur, sorted.
    """
    names = sorted(set().union(*classes)) if names is None else names
    return pd.DataFrame({name: np.array([name in own for own in classes], dtype=np.int8) for name in names})


def labels_of_classes(path: str, column: str, values: list, separator: str | None) -> pd.DataFrame:
    """The 0/1 labels that a table's column of classes stands for; an empty cell is no class.

    Args:
        path, column: of the table, for messages.
        values: the cells: each a class, or a list of classes.
        separator: what separates several classes in a cell; None: a cell is one class.

    Raises:
        InputError: names file, column and row: cells of two kinds, a class written in two ways, cells that hold several
            classes without their separator, one class only, or too many.
    """
    where = f"{path}: column '{column}'"
    _check_kinds(where, values, separator)
    classes = [_classes_of(f"{where}, row {row}", value, separator) for row, value in enumerate(values, 1)]
    first: dict[str, int] = {}
    for row, own in enumerate(classes, 1):
        for name in sorted(own):
            first.setdefault(name, row)
    _check_joined(where, first, separator)
    _check_number(where, classes, first)
    _check_spelling(where, first)
    for name, row in first.items():
        check_label_name(f"{where}, row {row}", name)
    return one_against_the_rest(classes)


def _check_kinds(where: str, values: list, separator: str | None) -> None:
    """Refuse a column with lists in some rows and single values in others, and lists with a separator."""
    kinds = {"a list": [], "a single value": []}
    for row, value in enumerate(values, 1):
        if _is_list(value):
            kinds["a list"].append(row)
        elif _name(value):
            kinds["a single value"].append(row)
    lists, singles = kinds.values()
    if lists and separator is not None:
        raise InputError(f"{where}, row {lists[0]}: a list of classes needs no separator; leave out 'separator'")
    if lists and singles:
        (row, kind), (earlier, other) = sorted(((rows[0], kind) for kind, rows in kinds.items()), reverse=True)
        raise InputError(
            f"{where}, row {row}: {kind} of classes, where row {earlier} has {other}; write lists in all rows or in none"
        )


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def _classes_of(where: str, value: object, separator: str | None) -> set[str]:
    """The classes in one cell, without the blanks around them."""
    if _is_list(value):
        parts = list(value)
    else:
        parts = value.split(separator) if separator is not None and isinstance(value, str) else [value]
    for part in parts:
        if not is_scalar(part):
            raise InputError(f"{where}: expected a class, found {part!r:.40}; write texts or numbers")
    return {name for name in map(_name, parts) if name}


def _name(value: object) -> str:
    """A class's name: whole numbers without decimals, which a column with gaps would give them; "" for none."""
    if not is_scalar(value):
        return repr(value)
    if not isinstance(value, str) and pd.isna(value):
        return ""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value) if whole else value).strip()


def _check_number(where: str, classes: list[set[str]], first: dict[str, int]) -> None:
    if not first:
        raise InputError(f"{where}: no row has a class; correct 'classes', the column with the classes")
    if len(first) == 1:
        rows = sum(map(len, classes))
        held = f"all {rows:,} rows are" if rows == len(classes) else f"the only class, of {rows:,} rows, is"
        raise InputError(f"{where}: {held} {next(iter(first))!r:.60}; give texts of at least two classes")
    if len(first) > MOST:
        raise InputError(
            f"{where}: {len(first):,} different classes in {len(classes):,} rows, more than {MOST:,}; correct 'classes', "
            "the column with the classes"
        )


def _check_spelling(where: str, first: dict[str, int]) -> None:
    """Refuse two classes that differ in case or blanks only. first: class -> the first row that has it."""
    known: dict[str, str] = {}
    for name, row in first.items():
        other = known.setdefault(" ".join(name.split()).casefold(), name)
        if other != name:
            raise InputError(
                f"{where}: {other!r:.60} (row {first[other]}) and {name!r:.60} (row {row}) differ only in case or blanks; "
                "write a class in one way"
            )


def _check_joined(where: str, first: dict[str, int], separator: str | None) -> None:
    """Refuse classes that look like several, joined by another character than the separator.

    They do where each of their pieces is also elsewhere, alone or joined. Without a separator ; and |, which names hardly
    have, are believed sooner: where one piece is also elsewhere, or half of all classes hold the character.
    """
    for joiner in (character for character in JOINERS if character != separator):
        pieces = {name: _pieces(name, joiner) for name in first}
        joined = [name for name, parts in pieces.items() if len(parts) > 1]
        uses = Counter(part for parts in pieces.values() for part in parts)
        known = [name for name in joined if all(uses[part] > 1 for part in pieces[name])]
        if separator is None and joiner != "," and not known:
            related = [name for name in joined if any(uses[part] > 1 for part in pieces[name])]
            known = related or (joined if 2 * len(joined) >= len(first) else [])
        if not known:
            continue
        row, name = first[known[0]], known[0]
        if separator is None:
            raise InputError(
                f"{where}, row {row}: {name!r:.60} looks like {len(pieces[name])} classes; did you mean separator: "
                f"'{joiner}'? (a single class of this name has to be renamed)"
            )
        raise InputError(
            f"{where}, row {row}: {name!r:.60} separates classes by '{joiner}', where 'separator' is '{separator}'; use one "
            "separator in all rows"
        )


def _pieces(name: str, joiner: str) -> set[str]:
    return {piece.strip() for piece in name.split(joiner)} - {""}


def numbered_classes(values: Iterable, names: list[str] | None) -> list[set[str]]:
    """The classes of each text of a data set whose column declares them.

    values: each a class or a list of classes. names: of the classes, where these are numbers; below 0 a text has none.
    """
    rows = (value if isinstance(value, Iterable) and not isinstance(value, str) else [value] for value in values)
    known = ([value for value in row if not pd.isna(value)] for row in rows)
    return [{names[int(value)] for value in row if value >= 0} if names else {str(v) for v in row} for row in known]
