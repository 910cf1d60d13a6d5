"""Tables that a reader of a notebook sorts by a click and filters by words, with the script of the report's tables."""

import pandas as pd
from IPython.display import HTML

from lib.report.pages import render_page


def sortable(frame: pd.DataFrame, digits: int = 3) -> HTML:
    """A table for a notebook, also a headless one; where scripts do not run it is a plain table.

    Args:
        frame: its columns, the index first if it has a name. Everything in it is escaped.
        digits: of numbers that are not whole. Missing values are empty, False too; True is "yes".
    """
    rows = frame.reset_index() if frame.index.name else frame
    cells = [[_written(value, digits) for value in row] for row in rows.itertuples(index=False)]
    return HTML(render_page("notebook_table.html.j2", head=list(rows), rows=cells))


def _written(value: object, digits: int) -> str:
    if value is False or pd.isna(value):
        return ""
    if value is True:
        return "yes"
    return f"{round(value, digits) + 0.0:.{digits}f}" if isinstance(value, float) else str(value)  # -0.0 + 0.0 is 0.0
