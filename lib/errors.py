"""The one error a user is meant to see, so that bad input always ends in a clear line and never in a traceback."""


class InputError(ValueError):
    """What a user can mend: one line that names the file, column or key and says what to do."""
