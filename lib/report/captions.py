"""What each figure shows and what to see in it, written once for notebooks, report and documents."""

import base64
import html

CAPTIONS = {  # by the name of the figure's file
    "01_prevalence": "Share of positives of every task in the training texts.",
    "01_cooccurrence": "Which labels occur together: the correlation (phi) of every two labels over the training texts. "
    "Labels that occur with others most come first.",
    "01_lengths": "Length of the texts in words.",
    "02_single_task_scores": "Scores of every single-task model on test, or on validation where there are no test texts. "
    "A model is trained on as many texts as a source or a target gets. Filled dots are the models that validation "
    "selects. A task near 0 is not learnt, and any source would look good on it.",
    "02_validation_against_test": "F1 of every single-task model on validation and on test. The closer the dots are to "
    "the line, the more selection on validation can be trusted.",
    "02_representations": "What fine-tuning does to the representation: from the pretrained encoder (dashed) to every "
    "source model (dot), the effective rank of its features (left) and the share of their variance in one direction "
    "(right). In the shaded region a representation has collapsed.",
    "03_gain_matrix": "Gain in test F1 of every target from every source. A column holds one target's sources; a frame "
    "marks gains outside the noise. Sources that give most are on top, targets that gain most at the left.",
    "03_helpers": "Which task helps which: a line from every source to every target that it helps (blue) or hurts "
    "(orange) outside the noise, the wider, the larger the gain or loss. Sources that give most and targets that gain "
    "most are on top. A dashed line: the seeds disagree on the sign.",
    "03_chosen_sources": "Gain in test F1 of each target's validation-chosen source over no transfer (dots with 95 % "
    "intervals; filled where outside the noise of the test texts) and over the step-matched baseline, a single-task "
    "model trained for as many steps as source and target together (diamonds).",
    "03_gain_against_size": "Gain of every pair against the ratio of its source's positives to its target's.",
    "03_gain_against_rank": "Gain in test F1 of every pair against the effective rank of its source's features. Where "
    "gain rises, sources that keep more of the representation have more to give.",
    "03_choices": "Is it the sources, or the best of many? Gain in test F1 over no transfer of what validation chooses "
    "among a target's pairs (dots), and among as many reseeded baselines, the target's own model from other seeds "
    "(diamonds). Means over targets with 95 % intervals at the bottom. Sources are worth the difference.",
    "03_rivals": "What would you do? Gain on test over no transfer of the validation-best pair and of every rival, with "
    "95 % intervals over targets; blue gains and orange loses outside the noise. Minutes are those of one worker for one "
    "target, sources included. Pairs and reseeded baselines are a choice that may prefer no transfer; the others are "
    "always used.",
    "03_repeatability": "Sources ordered by their F1 with one seed and judged by test F1 with the same seed and with "
    "another. The difference is luck, which no selector can predict.",
    "04_completeness": "Completeness error: the part of the logit's change that a model's conductances miss. Where [CLS] "
    "has conductance, its share by layer stands beside it, a line per model.",
    "04_tradeoff": "How well ANSAT's order of sources is kept with fewer steps of the path (diamonds) and with other or "
    "fewer probe texts (dots with the 95 % interval of the draws).",
    "05_ansat_against_threshold": "Shared active terms of two models by threshold and layer. The band holds the middle 90 "
    "% of pairs in the middle layer.",
    "05_ansat_against_gain": "Shared active terms of every pair against its gain, both less the target's mean. Where the "
    "line rises, more shared terms go with more gain.",
    "05_ansat_matrix": "Shared active terms of every pair in the middle layer at the middle threshold. Dark rows and "
    "columns are tasks with many active terms; only what varies within a column can rank a target's sources.",
    "05_rank_correlations": "Mean rank correlation within targets of measures of shared terms with test F1, by layer (0 "
    "is the embeddings); the colours span -1 to 1. The best of so many looks better than it is.",
    "06_predicted_against_measured": "Measured test F1 of every pair (dots) and the F1 predicted with its target left out "
    "(ticks). Ticks that lie together do not tell a target's sources apart.",
    "06_controls": "How well the regression orders sources (left) and predicts F1 (right) under each protocol, beside its "
    "controls without ANSAT and with ANSAT shuffled within targets. Where ANSAT helps, the regression beats both "
    "controls.",
    "06_ablations": "How well the regression orders sources with other sets of features, the best ten; filled where the "
    "interval does not hold 0. The dashed line is the regression without attribution.",
    "06_importance": "Which families of features the boosted trees use.",
    "07_f1_against_time": "How much of the grid's F1 an order of training pairs reaches after how much time, in both "
    "accountings: the paper's regression, the selector that recommendations follow (with its 95 % interval), and "
    "baselines. The oracle is the order by test F1, which nobody can know.",
    "07_losses": "Share of the grid's F1 that procedures lose, all-inclusive, at the time named below the axis: the ten "
    "that lose least, with the paper's (indigo), the selector that recommendations follow (olive) and baselines (black). "
    "The dotted line is the aim of 1 %; below 0 is more F1 than the grid's.",
    "07_time_spent": "Where the time went.",
    "08_selectors": "How well selectors order the sources of a target (left) and what their first choice loses (right): a "
    "bound, the paper's, and the best of the others, grouped by what they must have seen. Blue differs from random order "
    "for the better, orange for the worse, with false discoveries among all selectors controlled.",
    "08_planted_and_found": "How well selectors recover the planted relations of the tasks (left) and order sources by "
    "test F1 (right): a bound, the paper's, and the best of the others, grouped by what they must have seen. Blue "
    "differs from random order.",
    "08_price": "What each selector costs before it can choose, against what the best of its first three choices loses. "
    "The line joins those of which no cheaper one loses less.",
    "09_data_regimes": "How gains depend on how many texts source and target are trained on.",
    "10_generalisation": "How well regressions and selectors order the pairs of a corpus of which no pair was trained. "
    "Filled dots differ from random order.",
    "12_recipes": "What each recipe does to the baseline, and what pairs and the mean of all sources add to it, on "
    "validation (bars: 95 % intervals over targets; filled: the interval does not hold 0).",
    "13_target_sizes": "What three ways of starting a target gain over training it alone, against its number of texts, on "
    "validation and on test (bars: 95 % intervals over targets; filled: the interval does not hold 0). The frozen "
    "encoder has a scale of its own.",
    "14_pairs": "Relative test gain of every target (column) from every source (row), in per cent of its score without "
    "transfer, mean over seeds. Frames hold pairs of one type.",
    "14_starts": "Relative test gain over training the target alone, mean over targets (bars: 95 % intervals), by the "
    "types of source and target, and of what one would do instead of choosing a source.",
    "14_selectors": "Average rank of the best source by each selector, mean over the targets that it can score (bars: 95 "
    "% intervals; 1 is right). A tick marks the expectation of a random order of the same sources.",
    "11_recommendations": "What a task is expected to gain from its best start over training alone, on validation (bars: "
    "95 % intervals that allow for choosing among all starts), and on test (crosses) where the start is used.",
}


def captioned(name: str, png: bytes, style: str = "") -> str:
    """A figure and its caption as HTML that needs no other file. png: the picture; style: CSS of the picture."""
    caption = CAPTIONS.get(name, name.replace("_", " "))
    return f"<figure>{picture(png, caption, style)}<figcaption>{html.escape(caption)}</figcaption></figure>"


def picture(png: bytes, alternative: str, style: str = "") -> str:
    """A picture as HTML that needs no other file. alternative: what it shows, in words; style: its CSS."""
    source, styled = base64.b64encode(png).decode(), f' style="{style}"' if style else ""
    return f'<img src="data:image/png;base64,{source}" alt="{html.escape(alternative)}"{styled}>'
