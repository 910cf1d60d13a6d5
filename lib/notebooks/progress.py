"""Shows on the terminal how far a running notebook is."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

SECONDS_BETWEEN_LINES = 2.0  # at most one line of a kernel's output is shown in this time
LINE_LENGTH = 150
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor movements
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)


class Progress:
    """Shows the heading of each step of a notebook, and now and then the last line that its kernel printed."""

    def __init__(self, total: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic):
        self.total = total  # code cells
        self.number, self.heading, self.announced = 0, "", False
        self.say, self.clock = say, clock
        self.waiting, self.last_said = "", float("-inf")

    def cell(self, cell: "NotebookNode", cell_index: int) -> None:
        """Called by nbclient before each cell. The cell that papermill adds with the parameters is not counted."""
        self.close()
        headings = _HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        self.heading, self.announced = (printable(headings[-1]), False) if headings else (self.heading, self.announced)
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", []):
            self.number += 1
            if not self.announced:
                self.say(f"      {self.place()}")
            self.announced = bool(self.heading)

    def place(self) -> str:
        """The current cell, for example 'code cell 3 of 9 (Transfer matrix)'."""
        return f"code cell {self.number} of {self.total}" + (f" ({self.heading})" if self.heading else "")

    def write(self, text: str) -> None:
        """Called by papermill with what the kernel writes to stdout and stderr; its last line is kept."""
        lines = [line for line in map(printable, re.split(r"[\r\n]", text)) if line]
        self.waiting = lines[-1] if lines else self.waiting
        if self.clock() - self.last_said >= SECONDS_BETWEEN_LINES:
            self.close()

    def flush(self) -> None:
        """Does nothing: papermill flushes after every write, but lines wait for their turn."""

    def close(self) -> None:
        """Show the waiting line, if there is one."""
        if self.waiting:
            self.say(f"        {self.waiting[:LINE_LENGTH]}")
            self.waiting, self.last_said = "", self.clock()


def printable(text: str) -> str:
    """A line without control characters, so that the output of a kernel cannot steer the terminal."""
    return "".join(char for char in _ESCAPES.sub("", text) if char.isprintable()).strip()
