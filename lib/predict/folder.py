"""The folder of an exported model: formats that libraries load without this project's code, JSON and safetensors only.

With ``pooling: cls`` it is a sequence classifier of transformers. With ``pooling: mean`` it is a pipeline of modules of
sentence-transformers: encoder, mean of the tokens, and one linear map under a sigmoid, since the softmax over two logits is
the sigmoid of their difference. Beside it classifier.json holds what neither format has a place for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from lib.errors import InputError
from lib.models.encoders import load_model
from lib.models.head import set_logistic
from lib.study.sections import Encoder

FOLDER = "models"  # below a study's folder: a folder for each task
FACTS = "classifier.json"
DENSE = "2_Dense"
_MODULES = {"": "Transformer", "1_Pooling": "Pooling", DENSE: "Dense"}  # folder -> class of sentence-transformers


@dataclass(frozen=True)
class Classifier:
    """What an exported model's folder says of it.

    labels: names of the negative and of the positive class. threshold: from which probability on a text is positive.
    max_length: wordpieces to which a text is cut. precision: arithmetic in which its validation texts were predicted.
    text, id: columns of the table that it was trained on; None where the corpus has none. run: id in the ledger.
    """

    task: str
    labels: tuple[str, str]
    threshold: float
    max_length: int
    pooling: str
    precision: str
    text: str | None
    id: str | None
    run: str


def write_network(
    folder: Path, network: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, classifier: Classifier
) -> None:
    """Write a trained network in float32, its tokenizer, and classifier.json into an empty folder.

    Args:
        folder: the folder.
        network: a classifier of one head, from ``load_model``.
        tokenizer: of its encoder.
        classifier: what is said of it.

    Raises:
        OSError, SafetensorError: the disk is full, or the folder cannot be written.
    """
    if classifier.pooling == "mean":
        network.encoder.save_pretrained(folder)
        _write_modules(folder, network, classifier.max_length)
    else:
        network.config.id2label = dict(enumerate(classifier.labels))
        network.config.label2id = {label: number for number, label in enumerate(classifier.labels)}
        network.save_pretrained(folder)
    tokenizer.model_max_length = classifier.max_length
    _save_tokenizer(folder, tokenizer)
    write_json(folder / FACTS, vars(classifier))


def _write_modules(folder: Path, network: torch.nn.Module, max_length: int) -> None:
    """What sentence-transformers needs beside the encoder."""
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(_MODULES.items())
    ]
    write_json(folder / "modules.json", modules)
    with_pooler = "add_pooling_layer" in signature(type(network.encoder)).parameters
    pooler = {"model_args": {"add_pooling_layer": False}} if with_pooler else {}  # it is neither used nor saved
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False} | pooler)
    size = network.classifier.in_features
    write_json(
        folder / "1_Pooling" / "config.json", {"word_embedding_dimension": size, "pooling_mode_mean_tokens": True}
    )
    activation = "torch.nn.modules.activation.Sigmoid"
    dense = {"in_features": size, "out_features": 1, "bias": True, "activation_function": activation}
    write_json(folder / DENSE / "config.json", dense)
    negative, positive = network.classifier.weight.detach().cpu()
    bias = network.classifier.bias.detach().cpu().diff()
    tensors = {"linear.weight": (positive - negative)[None].contiguous(), "linear.bias": bias}
    save_file(tensors, folder / DENSE / "model.safetensors", {"format": "pt"})


def _save_tokenizer(folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    try:
        tokenizer.save_pretrained(folder)
    except Exception as error:
        if type(error) is not Exception:  # the library has no class of its own for a file that cannot be written
            raise
        raise OSError(str(error)) from None


def write_json(path: Path, content: object) -> None:
    """Write a small JSON file, its folder too."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_classifier(folder: Path) -> Classifier | None:
    """What an exported model's folder says of it; None where there is no such folder. InputError: it is damaged."""
    try:
        values = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return Classifier(**values | {"labels": tuple(values["labels"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(f"{folder / FACTS} is damaged; delete {folder} and run the study again") from None


def exported_models(folder: Path) -> Mapping[Path, Classifier]:
    """The models in a study's folder ``models``, by their folders, in order of their names; InputError: there are none."""
    found = {path: read_classifier(path) for path in sorted(folder.glob("[!.]*"))}
    models = {path: classifier for path, classifier in found.items() if classifier is not None}
    if not models:
        raise InputError(f"{folder}: no exported models; run the study that writes them, or give its results folder")
    return models


def load_network(folder: Path, classifier: Classifier, device: str) -> torch.nn.Module:
    """The network of an exported model, as it predicts here: a classifier of two logits. InputError: it is damaged."""
    encoder = Encoder(name=str(folder.resolve()), max_length=classifier.max_length, pooling=classifier.pooling)
    network = load_model(encoder, None, device)
    if classifier.pooling == "mean":
        dense = load_file(folder / DENSE / "model.safetensors", device=device)
        set_logistic(network, dense["linear.weight"][0], dense["linear.bias"][0])
    return network
