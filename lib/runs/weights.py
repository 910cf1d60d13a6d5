"""The weights of trained models: what of them is kept, how they come back into a network, and when they are deleted."""

from functools import lru_cache

import numpy as np
import pandas as pd
import torch

from lib.models.encoders import Tokens, load_model
from lib.runs.plan import pair_starts, single_tries
from lib.runs.records import Run
from lib.runs.workbench import Place, Workbench
from lib.storage.ledger import Ledger
from lib.study.sections import Encoder

NETWORK = "network"  # the file of a model's weights as they were trained; "weights" holds them in half precision


def weights_to_keep(
    network: torch.nn.Module, tokens: Tokens, rows: np.ndarray, precision: torch.dtype = torch.half
) -> dict[str, np.ndarray]:
    """A trained model in this precision; of the word embeddings only those that its training texts could change."""
    name = _embedding_name(network)
    vocabulary = np.unique(np.concatenate([tokens.text(row) for row in rows]))
    state = {
        key: parameter.detach().to(precision).cpu().numpy()
        for key, parameter in network.named_parameters()
        if key != name
    }
    changed = network.get_input_embeddings().weight.detach()[torch.from_numpy(vocabulary).to(network.device)]
    return state | {"vocabulary": vocabulary, name: changed.to(precision).cpu().numpy()}


def load_weights(place: Place, network: torch.nn.Module, run: str, file: str = "weights") -> None:
    """Set a network to a finished run's weights, or to the pretrained encoder's where ``run`` is empty. A head whose run
    had another number of outputs than the network has stays as it is. file: "weights" or NETWORK."""
    stored = Ledger(place.ledger).arrays(run, file) if run else {}
    if stored is None:
        raise FileNotFoundError(f"weights of run {run} are missing from the ledger {place.ledger}")
    embedding = _embedding_name(network)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            value = pretrained(place.encoder, place.device)[name]
            value = torch.from_numpy(stored[name]) if name in stored and name != embedding else value
            if value.shape == parameter.shape:
                parameter.copy_(value)
        if stored:
            rows = torch.from_numpy(stored["vocabulary"]).to(network.device)
            network.get_input_embeddings().weight[rows] = torch.from_numpy(stored[embedding]).float().to(network.device)


def load_start(place: Place, network: torch.nn.Module, run: Run) -> None:
    """Set a network to where a run starts: the pretrained encoder, its source's, or the mean of its sources' encoders.

    With the recipe's "interpolation" a every weight is pretrained + a (source - pretrained); unless BERT's pooler is
    carried, it is the pretrained one.
    """
    sources, share = run.sources or (run.source,), run.recipe.get("interpolation", 1.0)
    load_weights(place, network, sources[0])
    if not sources[0]:
        return
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        if len(sources) > 1:
            total = {name: parameter.clone() for name, parameter in parameters.items()}
            for source in sources[1:]:
                load_weights(place, network, source)
                for name, parameter in parameters.items():
                    total[name] += parameter
            for name, parameter in parameters.items():
                parameter.copy_(total[name] / len(sources))
        start = pretrained(place.encoder, place.device)
        for name, parameter in parameters.items():
            if "pooler" in name and run.recipe.get("carried") == "encoder":
                parameter.copy_(start[name])
            elif share != 1:
                parameter.lerp_(start[name], 1 - share)


worker_network = lru_cache(maxsize=1)(load_model)  # one network per process: every run overwrites its weights


@lru_cache(maxsize=1)
def pretrained(encoder: Encoder, device: str) -> dict[str, torch.Tensor]:
    """The pretrained encoder's parameters, once per process."""
    return {name: parameter.detach() for name, parameter in load_model(encoder, None, device).named_parameters()}


def _embedding_name(network: torch.nn.Module) -> str:
    table = network.get_input_embeddings().weight
    return next(name for name, parameter in network.named_parameters() if parameter is table)


def prune_weights(bench: Workbench, singles: pd.DataFrame) -> int:
    """Delete the weights of single-task models that nothing starts from or attributes; returns the bytes set free."""
    starts = {run for models in pair_starts(bench.study, singles).values() for _, run in models}
    kept = starts | set(singles.loc[singles["selected"], "run"])
    return sum(bench.ledger.prune(m.run.id, "weights") for m in single_tries(bench) if m.run.id not in kept)


def largest_weights(bench: Workbench, singles: pd.DataFrame) -> int:
    """Bytes of the largest stored weights of a selected single-task model; 0 where none are at hand."""
    return max(bench.ledger.size(run, "weights") for run in singles.loc[singles["selected"], "run"])
