"""Figures: readable, titled with what they find, and drawn true to their tables."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from grids import grid
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

from lib.attribution.ansat import rank_correlations
from lib.report.documents.pictures import pictures, pooled_ranks
from lib.report.documents.published import published_studies
from lib.report.figures import (
    attribution,
    data,
    recommend,
    regression,
    rivals,
    selection,
    studies,
    time_saving,
    training,
    transfer,
)
from lib.report.figures.matrix import frame_cells, plot_matrix
from lib.report.figures.style import BOUND, GAIN, LOSS, NEUTRAL, SMALLEST, WIDTH, entitle, label, use_style
from lib.report.figures.themes import DARK, LIGHT
from lib.report.sentences import advice, recipes, target_sizes
from lib.report.summary import priced_tables, procedure_losses, seconds_by_phase
from lib.selection.contenders import BOUNDS, middle, needs, similarity_scores, standard_scores
from lib.stats.bootstrap import mean_of_independent
from lib.study.sections import Ranking
from lib.transfer.collapse import gains_by_rank, gains_by_source, rank_correlation, rank_summary
from lib.transfer.gains import target_table
from lib.transfer.pairs import pair_configurations
from lib.transfer.seeds import same_sign

CONFIG = Ranking(bootstrap=200)


@pytest.fixture(scope="module")
def published():
    return published_studies()


def figures_of(study) -> dict:
    """How every figure of a published grid is drawn, by its name."""
    table, matrix, singles = study.table, study.matrix, study.table("singles")
    tasks, ansat, metrics = table("tasks"), table("ansat"), table("selector_metrics")
    ratio = tasks.set_index("task")["source_positives"][matrix["source"]].to_numpy()
    ratio = pd.Series(ratio, matrix.index)
    phi = table("cooccurrence").pivot(index="source", columns="target", values="phi")
    ranked = gains_by_rank(matrix, representations := table("representations"))
    by_rank = (
        gains_by_source(ranked, CONFIG),
        rank_summary(representations)["pretrained"],
        rank_correlation(ranked, CONFIG),
    )
    layer, threshold = int(middle(ansat["layer"])), float(middle(ansat["threshold"]))
    rows = ansat[(ansat["probe"] == "all") & (ansat["layer"] == layer) & (ansat["threshold"] == threshold)]
    rows = rows.merge(matrix[["source", "target", "gain", "helps", "hurts"]], on=["source", "target"])
    correlations = rank_correlations(ansat, table("signed_similarity"), matrix)
    seconds = seconds_by_phase({name: table(name) for name in priced_tables(study.parameters)})
    prices = dict(zip(study.ranks.index[2:12], range(10), strict=True))
    importance = table("importance").query("view == 'family'")
    return {
        "01_prevalence": partial(data.plot_prevalence, tasks),
        "01_cooccurrence": partial(data.plot_cooccurrence, phi),
        "01_lengths": partial(data.plot_lengths, np.arange(2000) % 70),
        "02_single_task_scores": partial(training.plot_singles, singles),
        "02_validation_against_test": partial(training.plot_validation_against_test, singles),
        "02_representations": partial(training.plot_representations, representations),
        "03_gain_matrix": partial(transfer.plot_gain_matrix, matrix),
        "03_helpers": partial(transfer.plot_helpers, matrix, same_sign(matrix, singles, table("pairs"))),
        "03_chosen_sources": partial(transfer.plot_target_gains, target_table(matrix)),
        "03_gain_against_size": partial(
            transfer.plot_gain_against_size, matrix, ratio, {"value": 0.1, "low": 0, "high": 1}
        ),
        "03_gain_against_rank": partial(transfer.plot_gain_against_rank, ranked, *by_rank),
        "03_rivals": partial(rivals.plot_rivals, table("rival_scores")),
        "04_completeness": partial(attribution.plot_completeness, table("conductance")),
        "04_tradeoff": partial(attribution.plot_tradeoff, table("tradeoff")),
        "05_ansat_against_threshold": partial(attribution.plot_ansat_curve, ansat),
        "05_rank_correlations": partial(attribution.plot_rank_correlations, correlations),
        "05_ansat_against_gain": partial(
            attribution.plot_ansat_against_gain, rows, layer, threshold, rank_correlation(rows, CONFIG, "ansat")
        ),
        "05_ansat_matrix": partial(attribution.plot_ansat_matrix, ansat, layer, threshold),
        "06_predicted": partial(regression.plot_predictions, table("predictions"), table("regression_scores")),
        "06_controls": partial(regression.plot_controls, table("regression_scores")),
        "06_ablations": partial(regression.plot_ablations, table("ablations")),
        "06_importance": partial(regression.plot_importance, importance),
        "07_anytime": partial(
            time_saving.plot_anytime, table("anytime"), procedure_losses(study.summary), study.titles
        ),
        "07_losses": partial(time_saving.plot_losses, study.summary, study.titles),
        "07_time_spent": partial(time_saving.plot_time_spent, seconds),
        "08_selectors": partial(selection.plot_selectors, metrics, study.titles),
        "08_price": partial(selection.plot_price, metrics, prices, study.titles),
    }


def readable(figure) -> None:
    """Title there, no text too small, nothing beside the page, no axis label on another one."""
    figure.draw_without_rendering()
    assert figure._suptitle.get_text()
    shown = [text for text in figure.findobj(plt.Text) if text.get_text().strip() and text.get_visible()]
    assert min(text.get_fontsize() for text in shown) >= SMALLEST
    extent = figure._suptitle.get_window_extent()
    assert extent.x1 <= figure.bbox.x1 and extent.y1 <= figure.bbox.y1 + 1
    labels = [axes.xaxis.label for axes in figure.axes if axes.get_xlabel() and axes.get_visible()]
    boxes = [text.get_window_extent() for text in labels]
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


@pytest.mark.parametrize("name", ["demo", "smoke"])
def test_every_figure_of_a_study_is_readable_and_has_its_finding_as_title(published, name):
    use_style()
    if name not in published:
        pytest.skip(f"{name} is not published")
    for drawn, draw in figures_of(published[name]).items():
        figure = draw()
        readable(figure)
        rows = [len(axes.get_yticks()) for axes in figure.axes] if drawn in ("07_losses", "06_ablations") else []
        assert max(rows, default=0) <= 10, drawn
        plt.close(figure)


def test_figures_of_recipes_and_sizes_are_readable(published):
    use_style()
    gains = published["sizes"].table("target_size_gains")
    for figure in (
        studies.plot_recipes(scores := published["recipes"].table("recipe_scores"), recipes.finding(scores)),
        studies.plot_target_sizes(gains, target_sizes.finding(gains)),
        studies.plot_generalisation(published["newsgroups"].table("generalisation"), {}),
    ):
        readable(figure)
        plt.close(figure)


def test_a_long_finding_is_broken_into_lines_of_like_length():
    figure = entitle(plt.figure(), "word " * 30)
    lines = figure._suptitle.get_text().splitlines()
    assert len(lines) == 2 and abs(len(lines[0]) - len(lines[1])) < 12
    plt.close(figure)


# matrices and graphs


def test_numbers_of_a_matrix_have_no_signed_zero_and_are_left_out_where_they_do_not_fit():
    values = pd.DataFrame([[-0.001, 0.12], [-0.5, np.nan]], index=["a", "b"], columns=["c", "d"])
    written = [text.get_text() for text in plot_matrix(values, "gain", "{:+.2f}").axes[0].texts]
    assert written == [".00", "+.12", "-.50"]
    wide = pd.DataFrame(np.ones((2, 40)))
    assert not plot_matrix(wide, "gain").axes[0].texts
    plt.close("all")


def test_frames_of_neighbours_do_not_touch():
    _, axes = plt.subplots()
    frame_cells(axes, [(0, 0), (0, 1)])
    one, other = (patch.get_bbox() for patch in axes.patches)
    assert one.x1 < other.x0
    plt.close("all")


def four_pairs() -> pd.DataFrame:
    rows = [("a", "b", 0.2), ("b", "a", -0.1), ("a", "c", 0.1), ("c", "a", 0.0)]
    table = pd.DataFrame(rows, columns=["source", "target", "gain"])
    return table.assign(helps=table["gain"] > 0.05, hurts=table["gain"] < -0.05, setting=0)


def test_the_graph_draws_a_line_for_every_pair_outside_the_noise():
    repeats = pd.Series([True, False, True, True])
    axes = transfer.plot_helpers(four_pairs(), repeats).axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert sorted(line.get_color() for line in lines) == sorted([GAIN, GAIN, LOSS])
    assert [line.get_linestyle() for line in lines if line.get_color() == LOSS] == ["--"]
    widths = {line.get_color(): [] for line in lines}
    for line in lines:
        widths[line.get_color()].append(line.get_linewidth())
    assert max(widths[GAIN]) > max(widths[LOSS])
    plt.close("all")


def test_whether_all_seeds_give_a_gain_one_sign():
    frames = grid(4, signal=0.1, seeds=3)
    configurations = pair_configurations(frames["pairs"])
    single = frames["singles"].query("side == 'target'").groupby("target")["test_f1"].mean()
    matrix = configurations.assign(gain=configurations["test_f1"] - configurations["target"].map(single))
    found = same_sign(matrix, frames["singles"], frames["pairs"])
    first = matrix.iloc[0]
    of_pair = (frames["pairs"][["source", "target"]] == first[["source", "target"]]).all(axis=1)
    single = frames["singles"].query("side == 'target'")
    alone = single[single["target"] == first["target"]].set_index("seed")["test_f1"]
    f1 = frames["pairs"][of_pair].set_index("seed")["test_f1"]
    assert found.iloc[0] == (len(set(np.sign(f1 - alone))) == 1) and 0 < found.sum() < len(found)
    assert same_sign(matrix, *(frames[name].query("seed == 0") for name in ("singles", "pairs"))).all()


# selectors


def test_what_a_selector_must_have_seen_is_what_it_is_computed_from():
    frames = grid(4)
    configurations, protocol = pair_configurations(frames["pairs"]), {"protocol": "leave_one_target_out", "seed": 0}
    predictions = pd.concat(
        configurations.assign(predicted=0.5, model=model, **protocol) for model in ("regression", "without_ansat")
    )
    phi = configurations[["source", "target"]].assign(phi=0.0)
    scored = standard_scores(frames["singles"], frames["pairs"], frames["ansat"], predictions, phi, 1.0)
    scored += similarity_scores(configurations, frames["ansat"], frames["signed_similarity"], 1.0)
    for each in scored:
        assert (needs(each.name) != needs("ansat")) == each.training_pairs, each.name
    assert needs("halving") == needs("f1_after_25_percent") == "a part of every pair's training"


def metrics_of(values: dict[str, float], p: float = 0.001) -> pd.DataFrame:
    """Rank correlations and regrets of selectors, all with the same p-value against random order."""
    rows = [
        {"selector": name, "metric": metric, "value": value, "low": value - 0.1, "high": value + 0.1, "random": 0.0}
        for metric in ("spearman", "regret_at_1", "regret_at_3")
        for name, value in values.items()
    ]
    return pd.DataFrame(rows).assign(over_random_p=p)


def test_ten_selectors_are_shown_by_group_and_a_bound_the_papers_and_the_recommended_one_always():
    values = pd.Series({f"selector_{place}": 0.5 - place / 100 for place in range(20)})
    values = pd.concat(
        [values, pd.Series({"oracle": 1.0, "validation_best": 0.6, "ansat": -0.9, "linear_probe": -0.8})]
    )
    groups = selection.shown_selectors(pd.concat([values, pd.Series({"regression": -0.7, "halving": 0.9})]))
    shown = [name for names in groups.values() for name in names]
    assert len(shown) == 10 and {"validation_best", "ansat", "regression", "linear_probe"} < set(shown)
    assert "oracle" not in shown and groups[needs("halving")] == ["halving"] and list(groups)[-1] == needs(BOUNDS[0])
    assert groups[needs("ansat")] == [*(f"selector_{place}" for place in range(5)), "linear_probe", "ansat"]
    places, headings = selection.places_of(groups)
    assert sorted([*places.values(), *headings.values()]) == list(range(14))
    assert all(headings[kind] == places[names[0]] + 1 for kind, names in groups.items())


@pytest.mark.parametrize(("p", "expected"), [(0.001, [GAIN, LOSS, BOUND]), (0.5, [NEUTRAL, NEUTRAL, BOUND])])
def test_colours_say_which_selectors_differ_from_random_order(p, expected):
    rows = metrics_of({"logme": 0.3, "ansat": -0.3, "validation_best": 0.9}, p).query("metric == 'spearman'")
    rows = rows.set_index("selector")
    assert selection.judged(rows) == expected
    reversed_ = {GAIN: LOSS, LOSS: GAIN}
    assert selection.judged(rows, -1) == [reversed_.get(colour, colour) for colour in expected]


def test_selectors_are_worth_their_price_where_no_cheaper_one_has_less_regret():
    metrics = metrics_of({"free": 0.3, "same": 0.3, "better": 0.2, "worse": 0.4, "best": 0.1})
    seconds = {"free": 0.0, "same": 60.0, "better": 120.0, "worse": 180.0, "best": 600.0}
    front = selection.price_front(metrics, seconds)
    assert list(front.index[front["front"]]) == ["free", "better", "best"] and front["minutes"].iloc[-1] == 10


def test_the_interval_of_a_mean_of_independent_estimates():
    """Two estimates, 0.2 and 0.4, with half-widths 0.3 and 0.4: the mean's is 0.5 / 2."""
    values, half = pd.DataFrame([[0.2, 0.4]], index=["a"]), pd.DataFrame([[0.3, 0.4]], index=["a"])
    row = mean_of_independent(values, values - half, values + 2 * half).loc["a"]
    assert row.tolist() == pytest.approx([0.3, 0.3 - 0.25, 0.3 + 0.5])


# pictures of documents


def test_pictures_rest_on_published_studies(published):
    assert set(pictures(published)) == {"method", "selectors", "representations", "advice"}
    assert set(pictures({})) == {"method"}
    assert set(pictures({"sizes": published["sizes"]})) == {"method", "advice"}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_pictures_are_readable(published, theme):
    with plt.rc_context():
        use_style()
        plt.rcParams.update(theme.style())
        for name, picture in pictures(published).items():
            figure = picture.draw(theme)
            figure.draw_without_rendering()
            texts = [text for text in figure.findobj(plt.Text) if text.get_text().strip()]
            assert figure.get_figwidth() == WIDTH and min(text.get_fontsize() for text in texts) >= SMALLEST
            ticks = [tick for axes in figure.axes for tick in (*axes.get_xticklabels(), *axes.get_yticklabels())]
            boxes = [text.get_window_extent() for text in texts if text not in ticks]
            assert all(figure.bbox.padded(2).contains(*end) for box in boxes for end in (box.min, box.max)), name
            plt.close(figure)


def test_the_forest_has_ten_rows_with_a_dot_a_study_and_a_mean(published):
    picture = pictures(published)["selectors"]
    axes = picture.draw(LIGHT).axes[0]
    pooled, by_study = picture.draw.keywords["pooled"], picture.draw.keywords["by_study"]
    dots = [dots.get_offsets() for dots in axes.collections if len(dots.get_offsets()) == by_study.shape[1]]
    assert len(dots) == 10 and pooled.loc["oracle", "value"] == 1
    first = dots[0][0][1]
    best = next(iter(selection.shown_selectors(pooled["value"]).values()))[0]
    named = axes.get_yticklabels()[0].get_text()
    assert named == label(best, picture.draw.keywords["names"]) and axes.get_yticks()[0] == first
    assert pooled_ranks([published["demo"], published["hot"]]).loc["oracle", "high"] == pytest.approx(1)
    plt.close("all")


def test_words_of_the_chart_stay_in_their_boxes(published):
    figure = pictures(published)["advice"].draw(LIGHT)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    texts = [text.get_window_extent() for text in axes.texts]
    inside = [(box, text) for box in boxes for text in texts if box.contains(text.x0, (text.y0 + text.y1) / 2)]
    assert len(inside) == len(boxes) + sum(box.width > 3 * figure.dpi for box in boxes)  # answers have two texts
    assert all(text.x1 < box.x1 and box.y0 < text.y0 and text.y1 < box.y1 for box, text in inside)


def gains_of(best: dict[int, tuple[str, float]]) -> pd.DataFrame:
    """Gains by size: one start gains so much, with an interval of 0.02 around it; the others gain nothing."""
    rows = [
        {"size": size, "kind": kind, "metric": "average_precision", "part": part, "value": gain, "low": gain - 0.02,
         "high": gain + 0.02, "share_gaining": 0.5}
        for size, (winner, value) in best.items()
        for kind in ("frozen", "fused", "transfer")
        for part in ("validation", "test")
        for gain in [value if kind == winner else 0.0]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_chart_advises_by_size():
    question = advice.by_size(gains_of({16: ("transfer", 0.05), 64: ("transfer", 0.04), 500: ("fused", 0.0)}))
    few, many = question.answers
    assert few.condition == "16 to 64 texts" and "linear probe" in few.action and few.gains
    assert few.evidence.startswith("test average precision: +0.050 (+0.030 to +0.070) with 16 and +0.040")
    assert many.condition == "500 texts" and many.action == "train alone" and not many.gains
    (alone,) = advice.by_size(gains_of({16: ("fused", -0.1), 32: ("fused", 0.0)})).answers
    assert alone.action == "train alone" and alone.condition == "16 to 32 texts"


@pytest.mark.parametrize("gain", [0.05, 0.0, -0.05])
def test_the_chart_offers_what_gains_to_those_who_have_time(gain):
    scores = pd.DataFrame(
        {"rival": ["joint", "fused"], "metric": "average_precision", "minutes": 2.0, "gain": [gain, -0.1]}
    )
    scores = scores.assign(gain_low=scores["gain"] - 0.01, gain_high=scores["gain"] + 0.01)
    question = advice.with_time(scores, "demo", 144)
    (answer,) = question.answers
    assert "demo: per target of 144 texts" in question.text and answer.gains == (gain > 0)
    assert answer.action == ("joint model of all others first" if gain > 0 else "train alone")
    assert f"{gain:+.3f}" in answer.evidence or gain == 0


@pytest.mark.parametrize("better", [0, 2])
def test_the_chart_orders_sources_where_that_beats_chance(better):
    counts = {"own": better, "ansat": 0, "regression": 0}
    (answer,) = advice.which_source("linear probe", {"own": 0.15, "ansat": 0.0, "regression": -0.02}, counts, 6).answers
    assert (
        answer.gains == (better > 0)
        and f"better than chance in {better or 'none'} of 6 studies; ANSAT 0.00, in none" in answer.evidence
    )


def test_decisions_are_drawn_open_where_it_cannot_be_told():
    rows = {
        "target": ["a", "b"],
        "verdict": ["transfer", "cannot_tell"],
        "expected_gain": [0.1, 0.0],
        "low": -0.1,
        "high": 0.2,
    }
    table = pd.DataFrame(rows).assign(test_gain=np.nan, used="single")
    axes = recommend.plot_decisions(table).axes[0]
    faces = [tuple(dots.get_facecolors()[0][:3]) for dots in axes.collections if len(dots.get_facecolors())]
    assert (1.0, 1.0, 1.0) in faces and len(set(faces)) == 2
    plt.close("all")
