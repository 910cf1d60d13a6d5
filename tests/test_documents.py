"""Documents and figures: written by code, the same on every run, and true of the repository."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lib.errors import InputError
from lib.recommend.budget import PROMISING
from lib.report.captions import CAPTIONS
from lib.report.figures.data import plot_prevalence
from lib.report.figures.style import save_figure, use_style
from lib.report.figures.time_saving import plot_losses
from lib.report.publish import DOCUMENTS, END_MARK, mark, with_block
from lib.report.summary import priced_tables, seconds_by_phase
from lib.report.tables_page import USE, reference
from lib.selection.comparison import differs_from_random
from lib.stats.ranks import spearman
from lib.storage.schemas import SCHEMAS
from lib.storage.tables import read_table
from lib.storage.writers import WRITERS, writer_of
from lib.study.files import ROOT
from lib.study.parameters import Study
from lib.transfer.pairs import KEYS

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
    budgeted = {"pairs"}  # which notebook 11 writes where notebook 3 does not run
    for path in NOTEBOOKS:
        written, read = written_and_read(path)
        assert all(writer_of(table) == path.stem for table in written - budgeted)
        assert all(writer_of(table) < path.stem for table in read - {"recommendations"})
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


@pytest.mark.parametrize(("number", "phases"), {"02": 0, "03": 1, "04": 2}.items())
def test_the_notebooks_say_how_long_the_demo_takes(number, phases):
    """Minutes of two cores, from the published tables, within a third."""
    tables = {
        name: read_table(ROOT / "figures" / "demo" / "tables", name) for name in priced_tables(Study.load("demo"))
    }
    seconds = seconds_by_phase(tables)
    attribution = seconds[["conductance", "conductance with other steps", "feature extraction", "scoring by selectors"]]
    models = [tables[name]["total_seconds"].sum() for name in ("singles", "pairs", "step_matched")]
    minutes = [models[0], models[1] + models[2], attribution.sum()][phases] / 60 / 2
    opening = "".join(
        json.loads(next(p for p in NOTEBOOKS if p.name.startswith(number)).read_text())["cells"][0]["source"]
    )
    assert minutes == pytest.approx(
        int(re.search(r"about (\d+) minutes for the demo on two cores", opening)[1]), rel=0.33
    )


def test_notebooks_that_only_read_tables_start_without_torch():
    """Seconds instead of a deep-learning library's start: their modules import neither it nor transformers."""
    readers = [path for path in NOTEBOOKS if path.name[:2] in ("05", "06", "07", "08", "09", "10")]
    lines = "".join(line for path in readers for cell in code_cells(path)[:2] for line in [*cell["source"], "\n"])
    imports = re.findall(r"^(?:from lib[.\w]* import (?:\([^)]*\)|[^\n]*)|import [^\n]*)$", lines, re.MULTILINE)
    script = "\n".join(imports) + "\nimport sys\nassert not {'torch', 'transformers'} & set(sys.modules)"
    assert len(readers) == 6 and len(imports) >= 12
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_the_readme_names_every_notebook():
    readme = (ROOT / "README.md").read_text()
    assert len(NOTEBOOKS) >= 10
    assert all(f"notebooks/{path.name}" in readme for path in NOTEBOOKS)


def test_links_of_the_documents_lead_somewhere():
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#]+?)\)", document.read_text()):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_a_block_replaces_only_what_stands_between_its_marks():
    other = f"{mark('smoke')}\nolder\n{END_MARK}"
    text = f"before\n{other}\n{mark('demo')}\nold\n{END_MARK}\nafter"
    assert with_block(text, "demo", "new") == f"before\n{other}\n{mark('demo')}\nnew\n{END_MARK}\nafter"
    part = f"{mark('demo', 'a part')}\nold\n{END_MARK}"
    assert with_block(f"{other}\n{part}", "demo", "new", "a part") == f"{other}\n{part.replace('old', 'new')}"
    for missing in ("", "a part"):
        with pytest.raises(InputError, match="numbers of demo"):
            with_block("no marks", "demo", "new", missing)


@pytest.mark.parametrize("study", DOCUMENTS)
def test_documents_hold_the_numbers_of_the_published_study(tmp_path, study):
    published = ROOT / "figures" / study
    if not (published / "summary.json").exists():
        pytest.skip(f"no finished run is published in figures/{study}")
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text())
    DOCUMENTS[study](Study.load(study), published, tmp_path)
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        name = path.relative_to(tmp_path)
        assert path.read_text() == (ROOT / name).read_text(), f"{name}: run python -m lib.report.publish {study}"


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
    """Two, or one where the single-task models alone take half of the grid's time, as in the small study."""
    for study, panels in {"demo": 2, "smoke": 1}.items():
        found = json.loads((ROOT / "figures" / study / "summary.json").read_text())["selectors"]
        assert len(plot_losses(found, {}).axes) == panels


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


def test_the_tables_page_is_up_to_date():
    page = (ROOT / "figures" / "README.md").read_text()
    assert page.strip() == reference().strip(), "run: python -m lib.report.tables_page > figures/README.md"


PUBLISHED = [path.parent.name for path in sorted((ROOT / "figures").glob("*/summary.json"))]
REPEATED = ("demo_seeds", "disaster_seeds")  # half of their models are those of another study: they are no further ones
REAL = [name for name in PUBLISHED if name not in REPEATED and Study.load(name).corpus.loader != "synthetic"]


def losses_at_ten_percent(study):
    """What each order that can be followed has lost of the grid's F1 by then, everything on the clock."""
    found = json.loads((ROOT / "figures" / study / "summary.json").read_text())["selectors"]
    lost = {order: each["all_inclusive"]["loss_at_10_percent_of_pairs"] for order, each in found.items()}
    return {order: each["value"] for order, each in lost.items() if each}


def mean_rank_correlations(column):
    """Of every selector of the field with the pairs' F1, the mean over targets, then over the published studies."""
    found = {}
    for name in REAL:
        scores, pairs = (read_table(ROOT / "figures" / name / "tables", table) for table in ("selectors", "pairs"))
        table = scores.merge(pairs[[*KEYS, column]], on=KEYS).dropna()
        ranks = table.groupby(["selector", "target"])[["score", column]].apply(
            lambda rows: spearman(*rows.to_numpy().T)
        )
        found[name] = ranks.groupby("selector").mean()
    return pd.DataFrame(found).mean(axis=1)


def test_what_is_recommended_ranks_best_over_the_published_studies():
    """On validation, as docs/method.md says, with its means, and in how many studies it loses less than random order."""
    chosen, told = (mean_rank_correlations(f"{part}_f1") for part in ("validation", "test"))
    lost = pd.DataFrame({name: losses_at_ten_percent(name) for name in REAL})
    ahead = lost.loc[PROMISING].lt(lost.loc["random"]).sum()
    page = (ROOT / "docs" / "method.md").read_text()
    assert chosen.idxmax() == PROMISING
    assert f"({chosen[PROMISING]:.2f}; with test F1 {told[PROMISING]:.2f})" in page
    assert f"ahead of random order in {ahead} of {len(REAL)}" in page


def test_no_order_loses_less_than_a_random_one_in_all_published_studies():
    """As README.md says of them."""
    lost = pd.DataFrame({name: losses_at_ten_percent(name) for name in REAL}).drop(index="no_transfer").dropna()
    assert len(lost) > 10 and not lost.lt(lost.loc["random"]).all(axis=1).any()


def test_nobody_ranks_the_sources_of_the_published_control():
    metrics = read_table(ROOT / "figures" / "shuffled" / "tables", "selector_metrics")
    for metric in ("spearman", "regret_at_1", "reciprocal_rank"):
        rows = metrics[metrics["metric"] == metric].set_index("selector")
        assert len(rows) > 25 and not differs_from_random(rows).any(), metric


def test_published_tables_test_a_selector_as_their_page_says(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(re.search(r"```python\n(.*?)```", USE, re.DOTALL)[1], {})
    assert "spearman" in capsys.readouterr().out
