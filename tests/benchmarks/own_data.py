"""From a table of one's own to a decision and a model for every label, against SetFit on the same table.

python tests/benchmarks/own_data.py small    (5 labels, 2,000 rows, a budget of 6 minutes)
python tests/benchmarks/own_data.py large    (12 labels, 26,000 rows, a budget of 15 minutes)

The rows are disaster messages. SetFit (Tunstall et al. 2022, arXiv 2209.11055) fine-tunes one model a label from the same
encoder, with its authors' settings: 64 texts of each class, 20 iterations of contrastive pairs, one epoch at 2e-5, batches
of 16. Both sides cut texts at the study's max_length and get two cores, in turn; average precision is that of the study's
validation texts. SetFit needs packages beside the environment:
pip install --no-deps setfit==1.2.0 evaluate==0.4.6 accelerate==1.15.0
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from common import report, seconds

from lib.datasets.loading import load_corpus
from lib.models.encoders import encoder_folder
from lib.runs.workbench import Workbench, open_workbench
from lib.stats.metrics import scores
from lib.storage.tables import read_table
from lib.study.files import ROOT
from lib.study.parameters import Study

SIZES = {"small": (5, 2_000, 6), "large": (12, 26_000, 15)}  # labels, rows, minutes
EACH = 64  # texts of a class that SetFit is trained on


def own_table(folder: Path, name: str) -> Path:
    """A study of its own table in a folder: its parameters' file."""
    labels, rows, minutes = SIZES[name]
    demo = Study.load("demo")
    corpus = load_corpus(demo.corpus, demo.downloads)
    frame = corpus.messages[["text"]].join(corpus.labels[demo.tasks[:labels]])
    frame.sample(min(rows, len(frame)), random_state=0).to_csv(folder / f"{name}.csv", index=False)
    template = yaml.safe_load((ROOT / "params" / "own_data.yaml").read_text())
    own = {"name": name, "budget_minutes": minutes, "results": str(folder)}
    own["corpus"] = {"loader": "table", "path": str(folder / f"{name}.csv")}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(template | own))
    return path


def decide(path: Path) -> pd.DataFrame:
    """What the study decides, as a user would run it."""
    subprocess.run([sys.executable, "-m", "lib.notebooks", str(path)], check=True, cwd=ROOT)
    return read_table(Study.load(path).tables, "recommendations")


def setfit(bench: Workbench, folder: Path) -> dict[str, float]:
    """Average precision on validation of a SetFit model for every task. folder: for what SetFit writes."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    settings = TrainingArguments(
        batch_size=16, num_epochs=1, num_iterations=20, body_learning_rate=2e-5, seed=0, output_dir=str(folder)
    )
    tasks, found = bench.tasks, {}
    texts = np.array(tasks.texts, dtype=object)
    for task in tasks.names:
        labels, train, validation = tasks.column(task), tasks.split["train"], tasks.split["validation"]
        order = np.random.default_rng(0).permutation(train)
        rows = np.concatenate([order[labels[order] == each][:EACH] for each in (0, 1)])
        data = Dataset.from_dict({"text": texts[rows].tolist(), "label": labels[rows].tolist()})
        model = SetFitModel.from_pretrained(encoder_folder("minilm"))
        model.model_body.max_seq_length = bench.study.encoder.max_length
        Trainer(model=model, args=settings, train_dataset=data).train()
        probabilities = np.asarray(model.predict_proba(texts[validation].tolist()))[:, 1]
        found[task] = scores(labels[validation], probabilities, tasks.weight("validation"))["average_precision"]
        print(f"SetFit, {task}: average precision {found[task]:.3f}", flush=True)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("size", choices=SIZES)
    name = options.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        path = own_table(Path(folder), name)
        ours, table = seconds(lambda: decide(path))
        bench = open_workbench(Study.load(path))
        theirs, found = seconds(lambda: setfit(bench, Path(folder) / "setfit"))
        mine, other = table["validation_average_precision"].mean(), float(np.mean(list(found.values())))
        verdicts = ", ".join(
            f"{count} {verdict.replace('_', ' ')}" for verdict, count in table["verdict"].value_counts().items()
        )
    agreement = (
        f"mean validation average precision of {len(table)} labels: ours {mine:.3f}, SetFit {other:.3f}; {verdicts}"
    )
    report(f"own_data_{name}", ([(ours, None)], [(theirs, None)]), agreement)


if __name__ == "__main__":
    main()
