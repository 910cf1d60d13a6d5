"""What every sentence that is made of numbers has to satisfy."""

import re


def check(text: str) -> str:
    """The text itself, where it has none of the marks of a sentence that was not written for its numbers."""
    assert text and text[0] != " " and "  " not in text and text.rstrip()[-1] in ".`", text
    assert not re.search(r"\b(nan|NaN|inf|True|False)\b|(?<!^)(?<!\. )\bNone\b", text), text
    assert not re.search(r"-0(\.0+)?(?![\d.])", text), text
    assert not re.search(r"\b1 (pairs|targets|tasks|texts|models|selectors|words|workers|procedures|bounds)\b", text), (
        text
    )
    return text
