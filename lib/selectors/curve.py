"""Slope of the source's learning curve (Bingel & Søgaard, EACL 2017; a baseline of Vu et al., EMNLP 2020)."""

import numpy as np

from lib.selectors.registry import selector

AT = (0.1, 0.2, 0.3, 0.5, 0.7)  # shares of the source's fine-tuning
WINDOW = 0.1  # share of the steps on either side that a slope is fitted to


@selector("learning-curve slope")
def curve_slope(source_losses):
    """Fall of the source's training loss per share of its fine-tuning: mean slope of lines fitted around five points.

    A source whose loss still falls may have more to teach than one that was learnt at once.
    """
    time = np.arange(len(source_losses)) / len(source_losses)
    near = [np.abs(time - point) <= max(WINDOW, 1.5 / len(time)) for point in AT]
    return -float(np.mean([np.polyfit(time[each], source_losses[each], 1)[0] for each in near]))
