"""Tags that mark spans of words, brought to one scheme: BIO2, in which every span begins with B-."""

from lib.errors import InputError


def check_tag(where: str, tag: str) -> None:
    """Refuse a tag that no BIO scheme has. where: its file and line."""
    prefix, _, kind = tag.partition("-")
    if tag != "O" and not (prefix in ("B", "I", "E", "S") and kind.strip()):
        raise InputError(
            f"{where}: the tag {tag!r:.60} is in no BIO scheme; write O, B-type or I-type, or set 'spans: false'"
        )


def to_bio2(sentences: list[list[str]]) -> tuple[list[list[str]], dict[str, int]]:
    """Tags in BIO2, from BIO2, BIOES, or IOB1, where a span begins with I- unless it follows one of its type.

    Args:
        sentences: tags of each, allowed by ``check_tag``. Together they tell the scheme: IOB1 where no B- follows anything
            but a tag of its type.

    Returns:
        The tags in BIO2, and how many were converted from another scheme, and how many I- (or E-) tags that continue nothing
        were repaired.
    """
    converted = [_converted(tags) for tags in sentences]
    pairs = [
        pair for before, after in zip(sentences, converted, strict=True) for pair in zip(before, after, strict=True)
    ]
    changed = sum(before != after for before, after in pairs)
    begun = sum(before[0] in "IE" and after[0] == "B" for before, after in pairs)
    repaired = 0 if _are_iob1(sentences) else begun
    return converted, {
        "tags converted to BIO2": changed - repaired,
        "tags that continue no span, made to begin one": repaired,
    }


def _converted(tags: list[str]) -> list[str]:
    """Tags of one sentence in BIO2."""
    result, open_kind = [], None
    for tag in tags:
        prefix, _, kind = tag.partition("-")
        begins = prefix in "BS" or kind != open_kind
        result.append(tag if tag == "O" else f"{'B' if begins else 'I'}-{kind}")
        open_kind = kind if prefix in "BI" else None
    return result


def _are_iob1(sentences: list[list[str]]) -> bool:
    """Whether B- only parts a span from one of its type, and no tag is of BIOES alone."""
    for tags in sentences:
        for before, tag in zip(["O", *tags], tags, strict=False):
            if tag[0] in "ES" or (tag[0] == "B" and before.partition("-")[2] != tag[2:]):
                return False
    return True
