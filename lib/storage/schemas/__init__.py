"""The tables that notebooks hand to each other: what a row is, what each column means, and which values it may hold."""

import re

from lib.storage.schemas.analyses import ATTRIBUTION, REGRESSION, SELECTION
from lib.storage.schemas.grids import DATA, GRID
from lib.storage.schemas.studies import STUDIES

__all__ = ["SCHEMAS", "describe", "row_of"]


SCHEMAS = {**DATA, **GRID, **ATTRIBUTION, **REGRESSION, **SELECTION, **STUDIES}


def row_of(table: str) -> str:
    """What a row of a table is. Raises KeyError for an unknown table."""
    return SCHEMAS[table].description


def describe(table: str, column: str) -> str:
    """What a column of a table means. Raises KeyError for a column that no schema describes."""
    for name, described in SCHEMAS[table].columns.items():
        if column == name or (described.regex and re.fullmatch(name, column)):
            return described.description
    raise KeyError(f"column '{column}' of table '{table}' is not described: add it to lib/storage/schemas")
