"""The one error a user is meant to see, so that bad input always ends in a clear line and never in a traceback."""

import sys
from collections.abc import Callable


class InputError(ValueError):
    """What a user can mend: one printable line that names the file, column or key and says what to do."""

    def __init__(self, message: str):
        line = " ".join(message.split())
        super().__init__("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line))


def run_command(main: Callable[[list[str]], None]) -> None:
    """Call a module's main with the arguments of the command line; an InputError ends the program with its one line."""
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
