"""What a figure shows and what to see in it, said once for notebooks, report and documents."""

import base64
import html

CAPTIONS = {  # by file: what a figure shows, and what to see in it
    "01_prevalence": "How rare the tasks are: positives in the training texts.",
    "01_cooccurrence": "Which labels occur together in the training texts (phi, the correlation of two labels).",
    "01_lengths": "How long the texts are, in words.",
    "02_single_task_scores": "How well each task is learnt alone, with as many texts as a source and as a target gets. "
    "Filled: the setting that validation selects; a task near 0 is not learnt, and any source would look good on it.",
    "02_validation_against_test": "Every single-task model on validation and on test: the closer to the line, the more "
    "selection on validation can be trusted.",
    "03_gain_matrix": "What every source adds to every target's test F1. Framed: outside the noise.",
    "03_chosen_sources": "Gain in test F1 of each target's validation-chosen source over no transfer (dots, with 95 % "
    "intervals; coloured where outside the noise of the test texts), and over a single-task model that was trained for as "
    "many steps as source and target together (diamonds).",
    "03_gain_against_size": "Gain against how many positives the source has for each of the target.",
    "03_choices": "What the best of many is worth: gain in test F1, over no transfer, of what validation chooses among a "
    "target's pairs, and among as many reseeded of its single-task model (means over seeds; below, with 95 % intervals, the "
    "means over targets). Sources are worth what the first gains more than the second.",
    "03_repeatability": "Sources ranked by their F1 with one seed, judged by test F1 with the same seed and with another: "
    "what is lost from the first to the second is luck, which no way of ranking sources can know.",
    "04_completeness": "How exact the attribution is: what a layer's conductances miss of the change of the logit; and "
    "how much of it sits at [CLS].",
    "04_tradeoff": "What probe texts and steps of the path buy: agreement of the order of sources with the best one.",
    "05_ansat_against_threshold": "How many active terms two models share, by threshold and layer; the band holds the "
    "middle 90 % of pairs in the middle layer.",
    "05_ansat_against_gain": "Shared active terms against gain, both less the target's mean.",
    "05_ansat_matrices": "Shared active terms of every pair, at three thresholds.",
    "05_rank_correlations": "Which measure of shared terms orders sources like their test F1 does: mean rank correlation "
    "within targets, by layer (0: embeddings). Description: the best of so many looks better than it is.",
    "06_predicted_against_measured": "F1 predicted without any pair of the target, against measured F1.",
    "06_controls": "How well the regression ranks sources and predicts F1, by protocol, with ANSAT, without it, and with "
    "ANSAT shuffled within targets; where ANSAT helps, the regression ranks better than its controls.",
    "06_ablations": "What the regression owes to layers, thresholds, probe texts and the measures beside ANSAT.",
    "06_importance": "Which features the boosted trees use.",
    "07_f1_against_time": "How much of the grid's F1 an order of training pairs reaches after how much time, in both "
    "accountings; the band is the 95 % interval of the sequential regression, `oracle` the order "
    "that test would choose, which nobody can follow.",
    "07_losses": "What share of the grid's F1 each procedure loses, all-inclusive, by the time named below the axis.",
    "07_time_spent": "Where the time went.",
    "08_selectors": "All selectors side by side: the order in which they put sources, and what their first choice lacks.",
    "08_planted_and_found": "Who finds relations between tasks that are known because they were planted.",
    "08_price": "What a selector costs before it can choose, and what the best of its first three choices lacks.",
    "09_data_regimes": "How gains depend on how much either side is trained on.",
    "10_generalisation": "Who ranks the pairs of a corpus of which no pair was trained.",
    "10_f1_against_time": "What regressions carried over from other corpora, and scores that need no pair, reach on a "
    "corpus after how much time, all-inclusive; the band is the 95 % interval of the regression.",
    "11_recommendations": "What is recommended for every task, beside what else was trained and no transfer.",
}


def captioned(name: str, png: bytes, style: str = "") -> str:
    """A figure and its caption as HTML that needs no other file."""
    caption = html.escape(CAPTIONS.get(name, name.replace("_", " ")))
    picture = base64.b64encode(png).decode()
    image = f'<img src="data:image/png;base64,{picture}" alt="{caption}" style="{style}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
