"""Conductance of every layer in one pass against captum's LayerConductance called per layer with its 50 steps.

    python tests/benchmarks/conductance.py

Both attribute the same real messages with the same fine-tuned MiniLM, in float32, on one thread. The error is that of
completeness: how far the attributions of a text sum up to something else than the change of the logit.
"""

import numpy as np
import torch
from captum.attr import LayerConductance
from common import in_turn, parser, report

from lib.attribution.conductance import POSITIVE, layer_conductances
from lib.models.encoders import fresh_head, load_model
from lib.models.training import fine_tune
from lib.runs.plan import single_models
from lib.runs.workbench import open_workbench
from lib.study.parameters import Study
from lib.study.sections import Setting

CAPTUM_STEPS = 50  # its default


def fine_tuned(bench) -> torch.nn.Module:
    """MiniLM after the demo's fine-tuning of one source: transitions are as sharp as those that the study attributes."""
    torch.manual_seed(0)
    network = load_model(bench.study.encoder, None, "cpu")
    fresh_head(network)
    one = next(model for model in single_models(bench) if (model.target, model.side) == ("request", "source"))
    setting = Setting(**one.run.setting)
    fine_tune(network, bench.tokens, one.rows, one.labels, setting, bench.study.training, "float32")
    return network.eval()


def captum_errors(model: torch.nn.Module, texts: list[np.ndarray], pad: int) -> np.ndarray:
    """Relative completeness error of captum, (texts, layers + 1)."""
    embed, base = model.get_input_embeddings(), model.base_model
    errors = np.empty((len(texts), len(base.encoder.layer) + 1))

    def logit(embeddings):
        return model(inputs_embeds=embeddings).logits[:, POSITIVE]

    for number, ids in enumerate(texts):
        blank = np.where(np.isin(np.arange(len(ids)), [0, len(ids) - 1]), ids, pad)
        end, start = (embed(torch.as_tensor(each, dtype=torch.long)[None]).detach() for each in (ids, blank))
        with torch.no_grad():
            change = (logit(end) - logit(start)).item()
        for layer, module in enumerate([base.embeddings, *base.encoder.layer]):
            found = LayerConductance(logit, module).attribute(end, start, n_steps=CAPTUM_STEPS)
            errors[number, layer] = abs(found.sum().item() - change) / abs(change)
    return errors


def main() -> None:
    given = parser(__doc__.splitlines()[0], texts=12, repeats=3).parse_args()
    torch.set_num_threads(1)
    bench = open_workbench(Study.load("demo"))
    model, config = fine_tuned(bench), bench.study.conductance
    rows = np.random.default_rng(0).choice(bench.tasks.split["validation"], given.texts, replace=False)
    texts = [bench.tokens.text(row) for row in rows]

    def ours():
        return layer_conductances(model, texts, bench.tokens.pad, config.steps, config.positions).relative_error

    def theirs():
        return captum_errors(model, texts, bench.tokens.pad)

    mine, other = in_turn(ours, theirs, given.repeats)
    errors = [np.nanmedian(side[0][1]) for side in (mine, other)]
    agreement = f"median completeness error {errors[0]:.2%} with {config.steps} steps, captum {errors[1]:.2%} with 50"
    agreement += f"; {given.texts} texts, {other[0][1].shape[1]} layers"
    report("conductance", (mine, other), agreement)


if __name__ == "__main__":
    main()
