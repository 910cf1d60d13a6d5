"""The kinds of columns, and the columns that several tables share."""

import pandera.pandas as pa

KEYS = {
    "task": pa.Column(str, description="name of the task: a label of the corpus"),
    "source": pa.Column(str, description="name of the task that is transferred from"),
    "target": pa.Column(str, description="name of the task that is transferred to"),
    "setting": pa.Column(
        int,
        pa.Check.ge(0),
        description="number of the hyperparameter setting in the study's `settings`, counted from 0; where pairs start "
        "from models of all settings, the number of the source's times the number of settings, plus the target's",
    ),
    "seed": pa.Column(int, pa.Check.ge(0), description="random seed of the model"),
    "run": pa.Column(str, description="id of the model: a hash of everything that decides its result"),
    "study": pa.Column(str, description="name of the study"),
    "selector": pa.Column(str, description="name of the selector, or other way of ranking sources"),
    "order": pa.Column(str, description="name of the order in which pairs are trained"),
}


def text(description: str, *choices: str) -> pa.Column:
    """A column of texts, one of the choices where any are given."""
    return pa.Column(str, pa.Check.isin(choices) if choices else None, description=description)


def count(description: str) -> pa.Column:
    """A column of whole numbers from 0."""
    return pa.Column(int, pa.Check.ge(0), description=description)


def share(description: str, nullable: bool = False) -> pa.Column:
    """A column of numbers in [0, 1]."""
    return pa.Column(float, pa.Check.in_range(0, 1), nullable=nullable, description=description)


def number(description: str, nullable: bool = False) -> pa.Column:
    """A column of numbers."""
    return pa.Column(float, nullable=nullable, description=description)


def amount(description: str) -> pa.Column:
    """A column of numbers from 0: seconds, megabytes."""
    return pa.Column(float, pa.Check.ge(0), description=description)


def flag(description: str) -> pa.Column:
    """A column of true and false."""
    return pa.Column(bool, description=description)


def optional(columns: dict[str, pa.Column]) -> dict[str, pa.Column]:
    """Columns that studies published earlier do not have."""
    for column in columns.values():
        column.required = False
    return columns


def keys(*names: str) -> dict[str, pa.Column]:
    """Columns that say which task, pair or model a row is about."""
    return {name: KEYS[name] for name in names}


_ALWAYS = ("f1", "average_precision", "precision", "recall")


def scores(
    *metrics: str, parts: tuple[str, ...] = ("validation", "test"), nullable: tuple[str, ...] = ()
) -> dict[str, pa.Column]:
    """Scores of a classifier on validation and test texts, such as validation_f1. nullable: parts that may have none."""
    names = {
        "f1": "F1 of the positive class at probability 0.5",
        "f1_tuned": "F1 of the positive class at `threshold`",
        "average_precision": "average precision",
        "precision": "precision at probability 0.5",
        "recall": "recall at probability 0.5",
    }
    return {
        f"{part}_{metric}": share(f"{names[metric]}, on the {part} texts", part in nullable)
        for part in parts
        for metric in metrics or _ALWAYS
    }


def interval(of: str, prefix: str = "", nullable: bool = False) -> dict[str, pa.Column]:
    """The ends of the 95 % interval of a column, called low and high after the prefix."""
    return {
        f"{prefix}low": number(f"lower end of the 95 % interval of `{of}`", nullable),
        f"{prefix}high": number(f"upper end of the 95 % interval of `{of}`", nullable),
    }


def value_with_interval(description: str) -> dict[str, pa.Column]:
    """The column ``value`` with its 95 % interval, empty where it is not defined."""
    return {"value": number(description, nullable=True), **interval("value", nullable=True)}
