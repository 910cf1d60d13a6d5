"""The study vu, on small folders with the columns of the hub's data sets."""

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from lib.datasets.formats import hub_examples
from lib.datasets.mixed import load_examples
from lib.errors import InputError
from lib.runs.mixed import open_mixed
from lib.runs.plan import fused_models, single_models, step_matched_models, transfer_models
from lib.studies.task_types import regimes
from lib.study.parameters import Study
from lib.study.recipe import RATES
from lib.study.sections import Split

STUDY = Study.load("vu")
TASKS = STUDY.corpus.tasks
PAPER = {  # type -> tasks of Vu et al. 2020 with their metrics
    "classification": {
        "cola": "matthews", "sst2": "accuracy", "mrpc": "f1", "qqp": "f1", "mnli": "accuracy", "qnli": "accuracy",
        "rte": "accuracy", "wnli": "accuracy", "snli": "accuracy", "scitail": "accuracy",
    },
    "regression": {"stsb": "pearson"},
    "question_answering": {task: "f1" for task in ("squad1", "newsqa", "hotpotqa", "duorc_s", "duorc_p")},
    "sequence_labelling": {"pos_ewt": "accuracy", "ner": "span_f1"},
}  # fmt: skip

TEXT, WORDS, NUMBERS = Value("string"), List(Value("string")), List(Value("int64"))
NLI = ("entailment", "neutral", "contradiction")
DEV, ALL, MATCHED = ("train", "validation"), ("train", "validation", "test"), ("validation_matched", "test_matched")
UPOS = ("NOUN", "PUNCT", "ADP", "NUM", "SYM")
NER = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
PAIRS = {  # task -> columns of its texts, names of its classes
    "cola": (("sentence",), ("unacceptable", "acceptable")), "sst2": (("sentence",), ("negative", "positive")),
    "mrpc": (("sentence1", "sentence2"), ("not_equivalent", "equivalent")), "stsb": (("sentence1", "sentence2"), ()),
    "qqp": (("question1", "question2"), ("not_duplicate", "duplicate")), "mnli": (("premise", "hypothesis"), NLI),
    "qnli": (("question", "sentence"), ("entailment", "not_entailment")),
    "rte": (("sentence1", "sentence2"), ("entailment", "not_entailment")),
    "wnli": (("sentence1", "sentence2"), ("not_entailment", "entailment")), "snli": (("premise", "hypothesis"), NLI),
    "scitail": (("premise", "hypothesis"), ("neutral", "entails")),
}  # fmt: skip


def texts(task: str, split: str, n: int) -> tuple[dict, Features]:
    """Texts, or pairs, whose labels are secret in test splits, but for those of MRPC, SNLI and SciTail."""
    columns, names = PAIRS[task]
    rows = {column: [f"{column} {split} {row}" for row in range(n)] for column in columns}
    features = {column: TEXT for column in columns}
    if task == "scitail":
        return rows | {"label": [names[row % 2] for row in range(n)]}, Features(features | {"label": TEXT})
    secret = split.startswith("test") and task not in ("mrpc", "snli")
    rows["label"] = [-1 if secret else row % max(2, len(names)) for row in range(n)]
    if task == "snli":
        rows["label"][0] = -1
        return rows, Features(features | {"label": ClassLabel(names=names)})
    label = ClassLabel(names=names) if names else Value("float32")
    return rows | {"idx": list(range(n))}, Features(features | {"label": label, "idx": Value("int32")})


def questions(task: str, split: str, n: int) -> tuple[dict, Features]:
    """Questions about "... Oslo ... Oslo ...", of which the second Oslo is the answer where places are given."""
    contexts = [f"{split} {row}: Oslo, then Oslo." for row in range(n)]
    asked, second = [f"where {row}?" for row in range(n)], [context.rindex("Oslo") for context in contexts]
    if task == "squad1":
        spans = {"text": WORDS, "answer_start": List(Value("int32"))}
        features = {"id": TEXT, "title": TEXT, "context": TEXT, "question": TEXT, "answers": spans}
        answers = [{"text": ["Oslo"], "answer_start": [start]} for start in second]
        own = {"id": [f"{split}{row}" for row in range(n)], "title": [f"article {row // 2}" for row in range(n)]}
        return own | {"context": contexts, "question": asked, "answers": answers}, Features(features)
    if task in ("newsqa", "hotpotqa"):
        labels = [[{"end": [start + 3], "start": [start]}] for start in second]
        features = {"context": TEXT, "question": TEXT, "answers": WORDS, "key": TEXT}
        features["labels"] = List({"end": NUMBERS, "start": NUMBERS})
        own = {"context": contexts, "question": asked, "answers": [["Oslo"]] * n, "key": asked, "labels": labels}
        return own, Features(features)
    answers = [["Lima", "Oslo"], [], ["Lima"], *[["Oslo"]] * (n - 3)]
    ids = [f"/m/{row}" for row in range(n)]
    own = {"plot_id": ids, "plot": contexts, "title": ids, "question_id": ids, "question": asked, "answers": answers}
    own["no_answer"] = [not each for each in answers]
    named = dict.fromkeys(("plot_id", "plot", "title", "question_id", "question"), TEXT)
    return own, Features(named | {"answers": WORDS, "no_answer": Value("bool")})


def sentences(task: str, split: str, n: int) -> tuple[dict, Features]:
    """Four words a sentence: one of a kind, Oslo, and two others."""
    tokens = [[f"{split}{row}", "Oslo", "in", "."] for row in range(n)]
    if task == "ner":
        tags, names = [[0, 5, 0, 0]] * n, {"pos_tags": UPOS, "chunk_tags": ("O", "B-NP"), "ner_tags": NER}
        columns = {"id": tokens[0][:1] * n, "tokens": tokens, "pos_tags": [[0] * 4] * n, "chunk_tags": [[0] * 4] * n}
        features = {"id": TEXT, "tokens": WORDS} | {key: List(ClassLabel(names=own)) for key, own in names.items()}
        return columns | {"ner_tags": tags}, Features(features)
    columns = {"sent_id": tokens[0][:1] * n, "tokens": tokens, "upos": [[3, 0, 2, 1]] * n, "xpos": tokens}
    return columns, Features({"sent_id": TEXT, "tokens": WORDS, "upos": List(ClassLabel(names=UPOS)), "xpos": WORDS})


def splits_of(task: str) -> dict[str, int]:
    """Split -> number of rows, of the splits that the data set of a task has."""
    if task == "mnli":
        return {"train": 40} | dict.fromkeys((*MATCHED, "validation_mismatched", "test_mismatched"), 8)
    given = DEV if task in ("squad1", "newsqa", "hotpotqa") else ALL
    return {split: 40 if split == "train" else 8 for split in given}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Every data set of the study as a folder with its configurations."""
    root = tmp_path_factory.mktemp("hub")
    for name, task in TASKS.items():
        folder, subset = root / task.path, task.subset or "plain_text"
        (folder / subset).mkdir(parents=True)
        make = {"question_answering": questions, "sequence_labelling": sentences}.get(task.type, texts)
        lines = [f"- config_name: {subset}", "  data_files:"]
        for split, n in splits_of(name).items():
            rows, features = make(name, split, n)
            Dataset.from_dict(rows, features=features).to_parquet(str(folder / subset / f"{split}.parquet"))
            lines += [f"  - split: {split}", f"    path: {subset}/{split}.parquet"]
        card = folder / "README.md"
        known = card.read_text().removesuffix("---\n") if card.exists() else "---\nconfigs:\n"
        card.write_text("\n".join([known.rstrip("\n"), *lines, "---\n"]))
    return root


@pytest.fixture(scope="module")
def patched(folders):
    """The folders in place of the hub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.datasets.hub.ROOT", folders)
        yield folders


@pytest.fixture(scope="module")
def examples(patched, tmp_path_factory):
    return load_examples(STUDY.corpus, STUDY.split, tmp_path_factory.mktemp("cache"))


def test_its_tasks_are_pinned_and_have_the_papers_types_and_metrics(examples):
    found = {kind: {} for kind in PAPER}
    for task in examples.values():
        found[task.type][task.name] = task.metric
    assert found == PAPER and list(examples) == list(TASKS) and len(TASKS) == 18
    assert all(task.revision for task in TASKS.values()) and STUDY.encoder.revision


def test_it_trains_as_its_header_says():
    encoder = STUDY.encoder
    assert (encoder.name, encoder.max_length, encoder.pooling) == ("google-bert/bert-base-uncased", 128, "mean")
    for side, rate in zip(("source", "target"), RATES[encoder.name], strict=True):
        (setting,) = STUDY.settings_of(side)
        assert (setting.learning_rate, setting.epochs, setting.batch_size) == (rate, 3, 32)
    sizes = {name: (own.source.n, own.target.n) for name, own in regimes(STUDY).items()}
    assert sizes == {"full -> full": (None, None), "full -> limited": (None, 1000), "limited -> limited": (1000, 1000)}


def test_every_task_is_read_with_the_parts_that_it_should_have(examples):
    """Where development examples test, validation is drawn from training; unlabelled and unanswered rows are left out."""
    training = {"snli": 39, "duorc_s": 38, "duorc_p": 38}
    for name, task in examples.items():
        held = {part: [str(task.inputs[row]) for row in rows] for part, rows in task.split.items()}
        official, drawn = TASKS[name].test or "test", TASKS[name].test is not None
        assert len(held["test"]) >= 6 and all(f"{official}" in text for text in held["test"]), name
        assert all(("train" if drawn else "validation") in text for text in held["validation"]), name
        assert len(held["train"]) + drawn * len(held["validation"]) == training.get(name, 40) and held["validation"], (
            name
        )
    assert examples["cola"].names == ["unacceptable", "acceptable"] and examples["mnli"].names == list(NLI)
    assert examples["mnli"].findings["examples of other splits left out"] == 3 * 8
    assert examples["ner"].names == ["O", "B-LOC"] and examples["pos_ewt"].names == ["ADP", "NOUN", "NUM", "PUNCT"]


def test_answers_are_at_the_places_that_the_data_sets_give(examples):
    for name in ("squad1", "newsqa", "hotpotqa"):
        context, answers = examples[name].inputs[3][1], examples[name].targets[3]
        assert answers == [(context.rindex("Oslo"), "Oslo")], name
    for name in ("duorc_s", "duorc_p"):
        context, answers = examples[name].inputs[0][1], examples[name].targets[0]
        assert answers == [(context.index("Oslo"), "Oslo")], name
        found = examples[name].findings
        assert found["answers that are not in their context left out"] == 3 * 2
        assert found["questions without answers left out"] == 3 * 2


def test_the_plan_is_that_of_the_header(patched, tmp_path):
    small = {"encoder": {"name": "tiny", "max_length": 32}, "engine": {"workers": 1, "device": "cpu"}}
    changed = STUDY.model_dump() | small | {"results": str(tmp_path), "cache": str(tmp_path)}
    bench = open_mixed(regimes(Study.parse(changed))["full -> limited"])
    singles = single_models(bench)
    assert len(singles) == 36 * len(STUDY.seeds) and {model.side for model in singles} == {"source", "target"}
    table = pd.DataFrame(
        {"target": model.target, "side": model.side, "seed": model.seed, "setting": model.setting, "selected": True,
         "run": model.run.id, "steps": 6, "texts": 40}
        for model in singles
    )  # fmt: skip
    pairs = transfer_models(bench, table)
    assert len(pairs) == 306 * len(STUDY.seeds) and all(model.source != model.target for model in pairs)
    baselines = len(fused_models(bench, table)) + len(step_matched_models(bench, table))
    assert baselines == 2 * len(TASKS) * len(STUDY.seeds)


@pytest.mark.parametrize("name", TASKS)
def test_without_a_network_every_task_is_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setattr("lib.datasets.hub.ROOT", tmp_path)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError) as refusal:
        hub_examples.load(name, TASKS[name], Split(), tmp_path)
    message = str(refusal.value)
    assert message.startswith(f"{TASKS[name].path} cannot be loaded (") and "\n" not in message
    assert message.endswith("where there is a network, or a folder of Parquet, CSV or JSON-lines files")
