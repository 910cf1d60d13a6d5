"""Explores shared terms in notebook 5: ANSAT at any threshold and layer, and what two models rely on in a real text."""

import numpy as np
import pandas as pd

from lib.attribution.ansat import ansat_matrix
from lib.notebooks.interactive import Control, interactive
from lib.report.shared_terms import matrix_html, pair_told, text_told
from lib.selection.contenders import middle
from lib.study.parameters import Study

NO_TEXTS = "<p>The texts are not shown: this study's models are not on this machine, only its tables.</p>"


def explore_pairs(study: Study, ansat: pd.DataFrame, singles: pd.DataFrame) -> object:
    """The ANSAT matrix, and the shared terms of a pair; it begins with the pair that shares most.

    Args:
        study: the study.
        ansat, singles: the tables of these names.

    Returns:
        Widgets in JupyterLab, HTML in a headless run.
    """
    from lib.attribution.probes import probe_texts  # with torch: the notebook's other cells do without

    texts = probe_texts(study, singles)
    values = {name: np.unique(ansat[name]).tolist() for name in ("threshold", "layer")}
    begin = {name: middle(ansat[name]).item() for name in values}
    first = ansat_matrix(ansat, **begin)
    pair = dict(zip(("source", "target"), first.stack().idxmax(), strict=True))

    def page(threshold: float, layer: int, source: str, target: str, text: int | None = None) -> str:
        matrix = ansat_matrix(ansat, threshold, layer)
        told = [matrix_html(matrix, (source, target)), pair_told(matrix, source, target)]
        if text is None:
            told.append(NO_TEXTS)
        elif source != target:
            told.append(text_told(*texts.read_by(source, target, text - 1, layer), threshold, (source, target)))
        return "\n".join(told)

    controls = {name: Control("SelectionSlider", begin[name], values[name]) for name in values}
    controls |= {side: Control("Dropdown", task, list(first.index)) for side, task in pair.items()}
    if texts is not None:
        numbers = list(range(1, len(texts.words) + 1))
        controls["text"] = Control("SelectionSlider", 1 + texts.telling(**pair, **begin), numbers)
    return interactive(page, controls)
