"""The one error a user is meant to see, so that bad input always ends in a clear line and never in a traceback."""


class InputError(ValueError):
    """What a user can mend: one printable line that names the file, column or key and says what to do."""

    def __init__(self, message: str):
        line = " ".join(message.split())
        super().__init__("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line))
