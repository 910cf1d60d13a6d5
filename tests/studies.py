"""A study that trains in seconds, for the tests of what trains."""

from lib.study import Study


def tiny_study(folder, workers=1, **changes) -> Study:
    values = {
        "name": "tiny",
        "corpus": {"loader": "synthetic", "texts": 240, "tasks": 3},
        "encoder": {"name": "tiny", "max_length": 32},
        "source": {"n": 48, "positives": 0.4},
        "target": {"n": 32, "positives": 0.4},
        "settings": [{"learning_rate": 3e-3, "epochs": 1}, {"learning_rate": 1e-3, "epochs": 1}],
        "engine": {"workers": workers},
        "results": str(folder),
    }
    return Study.parse(values | changes)
