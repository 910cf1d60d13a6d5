"""What all formats share: reading a file, and a task's parts, of which those without files are drawn from training."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from lib.datasets.corpus import PARTS
from lib.datasets.split import integer_codes, place_blocks, repeats_across
from lib.errors import InputError
from lib.study.files import ROOT
from lib.study.mixed import Files
from lib.study.sections import Split

FEWEST = {"train": 8, "validation": 1, "test": 1}  # examples that a task needs
LONGEST_SENTENCE = 1000  # words; a file without empty lines would be one sentence


@dataclass(eq=False)
class Rows:
    """Examples as they stand in their source.

    groups: what is kept together in a draw, coarse first: name of the level -> N keys. The keys of the last level are equal
        for examples that repeat each other.
    inputs: N, as in ``Examples``.
    targets: N, as in ``Examples``, but with the names of classes and tags in place of their numbers.
    places: N; where each stands, for messages.
    """

    groups: dict[str, list[str]]
    inputs: list = field(default_factory=list)
    targets: list = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    @classmethod
    def by(cls, *levels: str) -> "Rows":
        """No rows yet. levels: names of the levels of groups."""
        return cls({level: [] for level in levels})

    def add(self, input: object, target: object, place: str, *groups: str) -> None:
        """One more row. groups: its key on every level."""
        self.inputs.append(input)
        self.targets.append(target)
        self.places.append(place)
        for keys, key in zip(self.groups.values(), groups, strict=True):
            keys.append(key)

    def extend(self, other: "Rows") -> None:
        """The rows of another part or file of the same levels behind these."""
        self.inputs += other.inputs
        self.targets += other.targets
        self.places += other.places
        for level, keys in other.groups.items():
            self.groups[level] += keys


def read_text(path: str) -> str:
    """A file's text, with line ends "\\n" alone.

    Args:
        path: absolute or relative to the project's folder.

    Raises:
        InputError: there is no such file, it cannot be read, is not UTF-8, or is empty.
    """
    try:
        content = (ROOT / path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file (looked at {ROOT / path}); correct 'files' of its task") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a file and check its permissions") from None
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (at byte {error.start + 1}); save the file as UTF-8") from None
    if not text.strip("\0 \t\r\n"):
        raise InputError(f"{path}: the file is empty; give a file with examples")
    return text


def freed(text: str, findings: Counter) -> str:
    """The text without NUL characters, which are counted."""
    findings["NUL characters removed"] += text.count("\0")
    return text.replace("\0", "")


def blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    """The lines between blank lines, each with its number from 1; a line with nothing but white space is blank."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def check_length(where: str, words: int) -> None:
    """Refuse a sentence of too many words. where: its file and first line."""
    if words > LONGEST_SENTENCE:
        raise InputError(
            f"{where}: a sentence of {words:,} words, where at most {LONGEST_SENTENCE:,} are allowed; separate sentences by "
            "empty lines"
        )


def read_files(files: Files, read: Callable[[str, Counter], Rows]) -> tuple[dict[str, Rows], Counter]:
    """The parts of a task that have files.

    Args:
        files: of the parts.
        read: a file's path, and the counts of what was mended, to which it adds -> the file's rows.

    Returns:
        Part -> its rows, and what was mended, with counts.

    Raises:
        InputError: a file is given twice, has no examples, or ``read`` refuses it.
    """
    findings: Counter = Counter()
    parts: dict[str, Rows] = {}
    seen = set()
    for part in PARTS:
        for path in getattr(files, part) or ():
            if (ROOT / path).resolve() in seen:
                raise InputError(f"{path}: given twice in 'files' of a task; give every file once")
            seen.add((ROOT / path).resolve())
            rows = read(path, findings)
            if not rows.inputs:
                raise InputError(f"{path}: no examples; give a file that has some, in the format of its task")
            if part in parts:
                parts[part].extend(rows)
            else:
                parts[part] = rows
    return parts, findings


def split_rows(
    name: str, parts: dict[str, Rows], split: Split, findings: Counter
) -> tuple[Rows, dict[str, np.ndarray]]:
    """All rows of a task and the split; parts that are missing are drawn from training.

    The draw does not depend on the task's name: tasks of the same files share their split.

    Args:
        name: of the task, for messages.
        parts: part -> rows; "train" is among them.
        split: shares and seed of the draw, and whether to drop what repeats another part (``clean``).
        findings: counts, to which what was found is added.

    Returns:
        The rows of all parts, and part -> sorted row numbers, int64.

    Raises:
        InputError: a part has too few rows.
    """
    whole = Rows.by(*parts["train"].groups)
    numbers = {}
    for part, rows in parts.items():
        numbers[part] = np.arange(len(whole.inputs), len(whole.inputs) + len(rows.inputs))
        whole.extend(rows)
    missing = [part for part in PARTS if part not in parts]
    if missing:
        numbers |= _drawn(parts["train"].groups, missing, split, findings)
    keys = integer_codes(list(whole.groups.values())[-1])
    numbers, found = repeats_across({part: numbers[part] for part in PARTS}, keys, split.clean)
    findings.update(found)
    check_sizes(name, numbers)
    return whole, numbers


def check_sizes(name: str, split: dict[str, np.ndarray]) -> None:
    """Refuse a task of too few examples. name: of the task. split: part -> row numbers."""
    for part, fewest in FEWEST.items():
        if len(split[part]) < fewest:
            called = "training" if part == "train" else part
            remedy = f"give {part} examples, more training examples, or a larger split.{part}"
            raise InputError(
                f"task {name}: {len(split[part])} {called} examples, where it needs at least {fewest}; "
                f"{'give more' if part == 'train' else remedy}"
            )


def _drawn(groups: dict[str, list[str]], missing: list[str], split: Split, findings: Counter) -> dict[str, np.ndarray]:
    """The missing parts, and training without them, by the coarsest groups of which each part gets half its share."""
    names, shares = ["train", *missing], [getattr(split, part) for part in missing]
    refused = []
    for level, keys in groups.items():
        homes = place_blocks(integer_codes(keys), shares, split.seed)
        numbers = {part: np.flatnonzero(homes == number) for number, part in enumerate(names)}
        wanted = [max(FEWEST[part], share * len(keys) / 2) for part, share in zip(missing, shares, strict=True)]
        enough = all(len(numbers[part]) >= fewest for part, fewest in zip(missing, wanted, strict=True))
        if enough and len(numbers["train"]) >= FEWEST["train"]:
            break
        refused.append(level)
    if refused and level not in refused:
        findings[f"{' and '.join(refused)} too few to draw parts from: {level} drawn"] = len(set(groups[level]))
    return numbers
