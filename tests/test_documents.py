"""Documents and figures: written by code, the same on every run, and true of the repository."""

import ast
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from matplotlib import pyplot as plt

from lib.errors import InputError
from lib.report.captions import CAPTIONS
from lib.report.documents import verdicts
from lib.report.documents.pages import RESULTS, documents, render, wrap
from lib.report.documents.pictures import write_pictures
from lib.report.documents.published import PublishedStudy, independent, published_studies
from lib.report.documents.results import promising, safest
from lib.report.documents.scaling import GRIDS, measured_rates
from lib.report.documents.tables import USE, published_columns
from lib.report.figures.data import plot_prevalence
from lib.report.figures.method import plot_method
from lib.report.figures.style import label, save_figure, use_style
from lib.report.figures.themes import LIGHT, write_picture
from lib.report.figures.time_saving import plot_losses
from lib.report.publish import publish
from lib.report.summary import priced_tables, seconds_by_phase
from lib.selection.comparison import differs_from_random
from lib.selection.promising import PROMISING
from lib.storage.schemas import SCHEMAS, describe
from lib.storage.tables import read_table
from lib.storage.writers import WRITERS, writer_of
from lib.study.files import ROOT
from lib.study.parameters import Study

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_NOTEBOOK = 100  # lines of code


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def syntax_of(path):
    return ast.parse("\n".join("".join(cell["source"]) for cell in code_cells(path)))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_thin_and_without_outputs(path):
    cells = code_cells(path)
    lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    assert sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines) <= LONGEST_NOTEBOOK
    assert [cell["metadata"].get("tags") for cell in cells].index(["parameters"]) == 0
    assert 'study_name = "smoke' in "".join(cells[0]["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_define_nothing_and_write_no_sentence_of_their_own(path):
    """Functions belong to lib, and sentences with numbers to lib/report/sentences, where they are tested."""
    defined = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.JoinedStr)
    assert not [node for node in ast.walk(syntax_of(path)) if isinstance(node, defined)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_open_with_what_a_reader_needs_to_know(path):
    opening, parameters, *_ = json.loads(path.read_text())["cells"]
    text = "".join(opening["source"])
    assert parameters["metadata"]["tags"] == ["parameters"]
    assert text.startswith(f"# {int(path.name[:2])} ") and "**Question.**" in text
    assert all(f"\n- **{part}** " in text for part in ("Reads", "Writes", "Takes", "You should see"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_open_with_links_to_all_their_sections(path):
    """By the anchor that Jupyter gives a heading: its text, with dashes for spaces."""
    opening, *cells = json.loads(path.read_text())["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    contents = re.search(r"^\*\*Contents\.\*\* (.+)$", "".join(opening["source"]), re.MULTILINE)[1]
    assert contents == " · ".join(f"[{heading}](#{heading.replace(' ', '-')})" for heading in headings)
    assert len(set(headings)) == len(headings) > 0


def written_and_read(path):
    """Names of the tables that a notebook writes and reads, where they stand as words in its code."""
    calls = [
        node for node in ast.walk(syntax_of(path)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    tables = {"write_table": set(), "read_table": set()}
    for call in calls:
        if call.func.id in tables and isinstance(call.args[1], ast.Constant):
            tables[call.func.id].add(call.args[1].value)
    return tables["write_table"], tables["read_table"]


def test_an_error_about_a_missing_table_names_the_notebook_that_writes_it(tmp_path):
    """Every table that a notebook writes is listed for it, and none is read before it is written."""
    budgeted = {"feature_extraction", "selectors", "selector_costs"}  # by notebook 11 where notebook 4 does not run
    for path in NOTEBOOKS:
        written, read = written_and_read(path)
        assert all(writer_of(table) == path.stem for table in written - budgeted)
        assert all(writer_of(table) < path.stem for table in read)
    listed = [table for tables in WRITERS.values() for table in tables]
    assert sorted(listed) == sorted(SCHEMAS) and set(WRITERS) <= {path.stem for path in NOTEBOOKS}
    with pytest.raises(
        InputError, match=r"pairs.parquet is missing: run notebook 03_transfer_grid of this study first"
    ):
        read_table(tmp_path, "pairs")


def test_every_figure_of_the_notebooks_has_a_caption():
    calls = (node for path in NOTEBOOKS for node in ast.walk(syntax_of(path)) if isinstance(node, ast.Call))
    saved = [call.args[2].value for call in calls if getattr(call.func, "id", "") == "save_figure"]
    assert sorted(saved) == sorted(CAPTIONS)


def minutes_of_the_demo() -> dict[str, float]:
    """Minutes of two cores that notebooks 2, 3 and 4 take for the demo, from its published tables."""
    tables = {
        name: read_table(ROOT / "figures" / "demo" / "tables", name) for name in priced_tables(Study.load("demo"))
    }
    seconds = seconds_by_phase(tables)
    attribution = seconds[["conductance", "conductance with other steps", "feature extraction", "scoring by selectors"]]
    trained = {name: table["total_seconds"].sum() for name, table in tables.items() if "total_seconds" in table}
    parts = {"02": trained.pop("singles"), "03": sum(trained.values()), "04": attribution.sum()}
    return {number: part / 60 / 2 for number, part in parts.items()}


def minutes_of_a_pilot(study: str, table: str) -> float:
    """Minutes of two cores that the models of a published study took; variants that share a model have its row each."""
    models = read_table(ROOT / "figures" / study / "tables", table)
    return models.drop_duplicates("total_seconds")["total_seconds"].sum() / 60 / 2


def test_the_notebooks_say_how_long_they_take():
    """Within a third."""
    expected = minutes_of_the_demo() | {
        "12": minutes_of_a_pilot("recipes", "recipes"),
        "13": minutes_of_a_pilot("sizes", "target_sizes"),
    }
    for number, minutes in expected.items():
        path = next(path for path in NOTEBOOKS if path.name.startswith(number))
        opening = "".join(json.loads(path.read_text())["cells"][0]["source"])
        told = re.search(r"about (\d+) minutes for the (?:demo|study `\w+`) on two cores", opening)
        assert minutes == pytest.approx(int(told[1]), rel=0.33), path.stem


def test_notebooks_that_only_read_tables_start_without_torch():
    """Seconds instead of a deep-learning library's start: their modules import neither it nor transformers."""
    readers = [path for path in NOTEBOOKS if path.name[:2] in ("05", "06", "07", "08", "09", "10")]
    lines = "".join(line for path in readers for cell in code_cells(path)[:2] for line in [*cell["source"], "\n"])
    imports = re.findall(r"^(?:from lib[.\w]* import (?:\([^)]*\)|[^\n]*)|import [^\n]*)$", lines, re.MULTILINE)
    script = "\n".join(imports) + "\nimport sys\nassert not {'torch', 'transformers'} & set(sys.modules)"
    assert len(readers) == 6 and len(imports) >= 12
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def rows_of_notebooks() -> dict[str, list[str]]:
    """README.md's table of notebooks: file -> the packages in its row."""
    lines = (ROOT / "README.md").read_text().splitlines()
    rows = {re.search(r"\(notebooks/([\w.]+)\)", line): line for line in lines if "](notebooks/" in line}
    return {link[1]: re.findall(r"`(lib/\w+)`", line) for link, line in rows.items() if link}


def test_the_readme_names_every_notebook_and_its_package():
    rows = rows_of_notebooks()
    assert list(rows) == [path.name for path in NOTEBOOKS]
    for path in NOTEBOOKS:
        code = "".join(line for cell in code_cells(path) for line in cell["source"])
        packages = rows[path.name]
        assert packages and all((ROOT / package).is_dir() for package in packages)
        assert re.search(rf"from {packages[0].replace('/', '.')}\b", code), f"{path.name} does not use {packages[0]}"


DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "params/README.md")]
DOCUMENTS += [*sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "figures").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_the_documents_lead_somewhere(document):
    text = document.read_text()
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in re.findall(r"^#+ .*", text, re.M)
    }
    for link in re.findall(r"\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
        target, _, anchor = "".join(link).partition("#")
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name}: {target}"
            assert target or anchor in headings, f"{document.name}: #{anchor}"


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 160
    assert len(text.split()) <= 1600


def test_every_document_is_what_the_code_writes(tmp_path):
    """README.md, docs/results, the cards and figures/README.md; also the pictures, up to a machine's fonts."""
    published = published_studies()
    found = documents(published)
    texts = {name: text for name, text in found.items() if text is not None}
    assert not any((ROOT / name).exists() for name in set(found) - set(texts))
    for name, text in texts.items():
        assert (ROOT / name).read_text() == text, f"{name}: run python -m lib.report.publish"
    assert {ROOT / name for name in texts if name.startswith("docs/results/")} == set(
        (ROOT / "docs" / "results").iterdir()
    )
    for path in write_pictures(published, tmp_path):
        drawn, committed = (plt.imread(folder / path.name) for folder in (tmp_path, ROOT / "figures"))
        assert drawn.shape == committed.shape and np.abs(drawn - committed).mean() < 0.01, path.name


def test_every_published_study_stands_on_a_page():
    named = {study for page in RESULTS for study in page.studies or ()}
    missing = set(published_studies()) - named
    assert not missing, f"name {', '.join(sorted(missing))} in RESULTS of lib/report/documents/pages.py"


def test_studies_that_are_not_published_are_left_out():
    few = {name: study for name, study in published_studies().items() if name in ("disaster", "smoke")}
    texts = documents(few)
    pages = [f"results/{name}" for name in ("demo", "paper", "other_corpora", "recipes", "target_sizes", "classes")]
    pages += ["data_card", "model_card", "scaling"]
    assert {name for name, text in texts.items() if text is None} == {f"docs/{page}.md" for page in pages}
    assert "trecis" not in texts["README.md"].split("## Your own data")[0]
    assert "Shuffled labels" not in texts["docs/results/controls.md"]


def test_a_number_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="memory"):
        values = dict.fromkeys(("singles", "pairs", "clip", "max_length", "settings", "scores", "seconds"), "")
        render("model_card.md.j2", summary=published_studies()["demo"].summary, **values)


def test_a_paragraph_is_wrapped_without_a_line_that_markdown_misreads():
    text = wrap("word " * 22 + "falls to 1. The rest and " + "word " * 18 + "reach 10.5 % of it")
    assert not re.search(r"^(?:\d+\. |%)", text, re.M) and max(map(len, text.splitlines())) <= 120
    assert " ".join(text.split()) == ("word " * 22 + "falls to 1. The rest and " + "word " * 18 + "reach 10.5 % of it")


def test_publishing_copies_figures_as_png_and_tables_as_parquet_once(tmp_path):
    study = Study.load("smoke").model_copy(update={"results": str(tmp_path / "results")})
    with pytest.raises(InputError, match=r"not finished: run \./run_all\.sh smoke"):
        publish(study, tmp_path / "figures")
    for name in ("figures/a.png", "figures/a.svg", "tables/pairs.parquet", "tables/pairs.csv", "summary.json"):
        (study.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (study.folder / name).write_text(name)
    old = tmp_path / "figures" / "smoke"
    for name in ("old.png", "tables/old.parquet", "runs.zip"):
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_text(name)
    assert publish(study, tmp_path / "figures") == old
    found = {str(path.relative_to(old)) for path in old.rglob("*") if path.is_file()}
    assert found == {"a.png", "summary.json", "runs.zip", "tables/pairs.parquet"}


def test_the_picture_of_the_method_is_the_same_on_every_run_and_readable(tmp_path):
    runs = [write_picture(tmp_path / run, "method", plot_method) for run in ("one", "two")]
    one, two = ([path.read_bytes() for path in paths] for paths in runs)
    assert one == two and one[0] != one[1]
    figure = plot_method(LIGHT)
    assert figure.get_figwidth() == 6.5
    assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 7.5
    figure.draw_without_rendering()
    frame = figure.bbox
    assert all(
        frame.contains(*corner) for text in figure.axes[0].texts for corner in text.get_window_extent().corners()
    )


def test_figures_are_the_same_files_on_every_run(tmp_path):
    use_style()
    tasks = pd.DataFrame({"task": ["food", "water"], "prevalence": [0.2, 0.1], "train_positives": [200, 100]})
    for folder in ("one", "two"):
        save_figure(plot_prevalence(tasks), tmp_path / folder, "prevalence")
    for kind in ("svg", "png"):
        one, two = ((tmp_path / folder / f"prevalence.{kind}").read_bytes() for folder in ("one", "two"))
        assert one == two and len(one) > 1000
    assert not plt.get_fignums()


def test_dollars_in_a_label_are_no_formula(tmp_path):
    tasks = pd.DataFrame({"task": ["under $5, 10% to $20", "a $_$"], "prevalence": 0.1, "train_positives": 9})
    assert save_figure(plot_prevalence(tasks), tmp_path, "dollars").png


def test_losses_are_drawn_at_moments_that_somebody_reached():
    """Two, or one where the single-task models alone take half of the grid's time."""
    summary = json.loads((ROOT / "figures" / "hot" / "summary.json").read_text())
    assert len(plot_losses(summary, {}).axes) == 2
    for accountings in summary["selectors"].values():
        accountings["all_inclusive"]["loss_at_0.495"] = None
    assert len(plot_losses(summary, {}).axes) == 1


def test_no_file_names_a_path_of_one_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"(/work/|/root/|/home/)[A-Za-z0-9_]")
    for name in tracked.stdout.splitlines():
        if name.endswith((".py", ".md", ".ipynb", ".yaml", ".yml", ".toml", ".sh")) and not name.startswith("tests/"):
            assert not pattern.search((ROOT / name).read_text()), name


def test_every_promise_names_tests_that_exist():
    promised = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "promises.md").read_text()))
    sources = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert len(promised) > 25 and promised <= set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))


def test_nobody_ranks_the_sources_of_the_published_control():
    metrics = read_table(ROOT / "figures" / "shuffled" / "tables", "selector_metrics")
    for metric in ("spearman", "regret_at_1", "reciprocal_rank"):
        rows = metrics[metrics["metric"] == metric].set_index("selector")
        assert len(rows) > 25 and not differs_from_random(rows).any(), metric


def test_published_tables_test_a_selector_as_their_page_says(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(USE, {})
    assert "spearman" in capsys.readouterr().out


def test_the_cost_of_larger_grids_follows_the_rates():
    rates = measured_rates(published_studies()["demo"])
    faster = {name: 2 * rate for name, rate in rates.items()}
    first, paper, *_ = GRIDS
    assert (first.singles, first.pairs) == (144, 1584) and (paper.singles, paper.pairs) == (48, 2112)
    seconds = 1728 * (6144 / rates["trained"] + 5200 / rates["predicted"])
    assert first.hours(rates) == pytest.approx(seconds / 2 / 3600) == pytest.approx(2 * first.hours(faster))
    assert paper.gigabytes == pytest.approx(2160 * (9000 * 4e-9 + 1e-6) + 48 * 0.18)


def test_the_page_on_scaling_quotes_the_benchmark():
    measured = pd.read_csv(ROOT / "tests" / "benchmarks" / "results.csv").set_index("claim").loc["planner"]
    page = " ".join((ROOT / "docs" / "scaling.md").read_text().split())
    assert f"scoring it takes {1e3 * measured['ours']:.0f} ms, measured for 40,000 runs of 100 tasks" in page
    assert "40000 runs of 100 tasks" in measured["agreement"]


# Sentences about numbers


def flipped(matrix: pd.DataFrame) -> pd.DataFrame:
    """The transfer matrix of a world in which every gain is a loss."""
    swapped = matrix.rename(columns={"helps": "hurts", "hurts": "helps"})
    for name in ("gain", "gain_over_step_matched"):
        low, high = -matrix[f"{name}_high"], -matrix[f"{name}_low"]
        swapped = swapped.assign(**{name: -matrix[name], f"{name}_low": low, f"{name}_high": high})
    return swapped


def test_verdicts_follow_the_numbers():
    matrix = published_studies()["hot"].matrix
    assert verdicts.pairs(matrix).startswith("Most pairs hurt: 108 of 132 (82 %) lower")
    assert verdicts.pairs(flipped(matrix)).startswith("Most pairs help: 108 of 132 (82 %) raise")
    assert "53 help and 2 hurt" in verdicts.pairs(flipped(matrix))
    nothing = matrix.assign(gain=0.0, helps=False, hurts=False)
    assert verdicts.pairs(nothing) == (
        "Of 132 pairs, 0 raise their target's test F1 and 0 lower it. Outside the noise of the test texts 0 help and 0 hurt."
    )


def targets(**columns) -> pd.DataFrame:
    shared = {"target": ["a", "b"], "gain": [0.05, 0.0006], "helped": [True, True], "beats_step_matched": [True, True]}
    return pd.DataFrame(shared | columns)


def test_a_gain_is_credited_only_if_it_matters_and_longer_training_does_worse():
    assert verdicts.helped(targets()) == (
        "1 of 2 targets gains outside the noise: `a` (+0.050 F1). "
        "`b` (+0.0006 F1) is not counted: the gain is too small to matter."
    )
    assert verdicts.credited(targets()).tolist() == [True, False]
    as_well = targets(beats_step_matched=[False, True])
    assert "For `a`, a single-task model trained for as many steps does as well" in verdicts.helped(as_well)
    assert not verdicts.credited(as_well).any()
    assert verdicts.helped(targets(helped=[False, False])) == "None of 2 targets gains outside the noise."


def test_the_published_gains_of_death_and_other_any_are_not_credited():
    published = published_studies()
    for name, target in (("disaster", "death"), ("trecis", "Other-Any")):
        chosen = published[name].targets.set_index("target")
        assert chosen.loc[target, "helped"] and not verdicts.credited(chosen)[target]


@pytest.mark.parametrize(
    ("shift", "told"),
    [
        (0.5, "In F1 the best pair gains more in 1 of 1 study (`newsgroups`) than the best of as many"),
        (-0.5, "gains less in 1"),
        (0.0, "do not differ outside the noise in this study."),
    ],
)
def test_the_best_pair_is_judged_by_what_reseeded_baselines_gain(monkeypatch, shift, told):
    study = published_studies()["newsgroups"]
    rows = study.table("choices")
    moved = rows.assign(test_f1=0.4 + shift * (rows["among"] == "pairs"))
    monkeypatch.setattr(PublishedStudy, "table", lambda self, name: moved)
    assert told in verdicts.choices([study])


def test_what_two_seeds_say_follows_their_correlation():
    keys = [(metric, "test_f1" if metric == "spearman" else "validation_f1", True) for metric in ("spearman", "gain")]
    rows = pd.DataFrame(keys, columns=["metric", "ranked_by", "other_seed"]).assign(value=0.3, low=-0.1, high=0.6)
    assert verdicts.seeds(rows).startswith("Two seeds agree little")
    alike = rows.assign(value=0.9, low=0.8, high=0.95)
    assert verdicts.seeds(alike).startswith("Two seeds agree:") and "still gains F1" in verdicts.seeds(alike)


@pytest.mark.parametrize(
    ("differs", "value", "told"),
    [
        ((False, False), 0.1, "ANSAT (0.10) and the regression on it (0.10) are not measurably better than chance."),
        ((True, False), 0.1, "ANSAT (0.10) is better than chance, the regression on it (0.10) not measurably better"),
        ((True, True), -0.1, "ANSAT (-0.10) and the regression on it (-0.10) are worse than chance."),
    ],
)
def test_the_papers_selectors_are_judged_against_chance(differs, value, told):
    ranks = pd.DataFrame({"differs": differs, "value": value}, index=["ansat", "regression"])
    assert verdicts._papers_selectors_beside_chance(ranks).startswith(told)


def test_regressions_carried_over_are_judged_against_luck():
    rows = published_studies()["trecis"].table("generalisation")
    assert verdicts.carried(rows).endswith("so this is no more than luck.")
    assert verdicts.carried(rows.assign(over_random_p=0.001, value=0.5)).endswith("so this is more than luck.")


def test_the_limit_is_stated_where_the_recipe_is_the_old_one():
    studies = published_studies()
    assert verdicts.limit([studies["hot"]]).startswith("Sources are trained at learning rates up to 1.3e-4")
    assert verdicts.limit([studies["hot"], studies["demo"]]).startswith("In `hot` sources are trained")
    assert verdicts.limit([studies["demo"], studies["smoke"]]) == ""


def test_gains_are_told_by_what_the_recipe_leaves_of_a_source(monkeypatch):
    studies = published_studies()
    gentle, hot = studies["smoke"], studies["hot"]
    share = f"{100 * (hot.matrix['gain'] > 0).mean():.0f} %"
    assert verdicts.gaining_by_recipe([hot]) == (
        f"Where training collapses the sources' representation, {share} of the pairs raise their target's test F1 (`hot`)."
    )
    both = verdicts.gaining_by_recipe([gentle, hot])
    assert both.startswith("Even sources that keep their representation seldom help: 25 % of the pairs raise")
    assert "(`smoke`)" in both
    helping = gentle.matrix.assign(gain=0.1)
    monkeypatch.setattr(PublishedStudy, "matrix", helping)
    assert "help more often than not: 100 %" in verdicts.gaining_by_recipe([PublishedStudy(gentle.folder)])


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.2, 0.3), "Even sources that keep their representation seldom help: 20 % to 30 % of the pairs"),
        ((0.45, 0.55), "help about as often as they hurt: 45 % to 55 %"),
        ((0.7, 0.9), "help more often than not: 70 % to 90 %"),
        ((0.2, 0.55), "help at most about as often as they hurt: 20 % to 55 %"),
        ((0.5, 0.9), "help at least about as often as they hurt: 50 % to 90 %"),
        ((0.2, 0.9), "help more often in some studies than in others: 20 % to 90 %"),
    ],
)
def test_how_often_sources_help_is_true_of_every_study(shares, told):
    assert told in verdicts._gaining(dict(zip(("a", "b"), shares, strict=True)))


def test_recommendations_say_how_their_selector_ranks():
    means = pd.DataFrame({"validation_f1": [0.3, 0.2], "test_f1": [0.2, 0.1]}, index=[PROMISING, "logme"])
    lost = pd.DataFrame({"one": [0.1, 0.2], "two": [0.3, 0.2]}, index=[PROMISING, "random"])
    assert "validation F1 is the highest (0.30; with test F1 0.20)" in promising(means, lost, {})
    assert "in 1 of 2 studies" in promising(means, lost, {})
    assert "number 2 of 2, behind *LogME*" in promising(means.sort_values("test_f1"), lost, {})
    assert safest(lost, {}) == "No order of training pairs loses less than random order in all 2 studies."
    assert safest(lost.assign(two=[0.1, 0.2]), {}).startswith(f"*{label(PROMISING)}* loses less than random order")


def test_a_study_with_a_second_seed_counts_once(tmp_path):
    """Of two studies that share transfer models, the one with fewer seeds."""
    studies, again = published_studies(), tmp_path / "disaster"
    shutil.copytree(studies["demo"].folder / "tables", again / "tables")
    (again / "summary.json").write_text(json.dumps(studies["demo"].summary | {"n_seeds": 2}))
    assert [study.name for study in independent([PublishedStudy(again), studies["demo"], studies["smoke"]])] == ["demo"]


def test_every_column_of_a_published_table_is_described_on_the_page():
    page = (ROOT / "figures" / "README.md").read_text()
    titles = re.findall(r"^## (.*)", page, re.MULTILINE)
    sections = dict(zip(titles, re.split(r"^## .*", page, flags=re.MULTILINE)[1:], strict=True))
    shared, models = sections["Columns that many tables share"], sections["`runs`"]
    for table, columns in published_columns([study.folder for study in published_studies().values()]).items():
        section = sections[f"`{table}`"]
        of_models = "All columns of [`runs`]" in section
        for column in columns:
            row = f"| `{column}` | {describe(table, column)} |"
            named = f"`{column}`" in (models if of_models else "") + section
            assert row in section or (named and row in models + shared), f"{table}.{column}"
    assert page.count("seconds of training, of one worker |") == 1
