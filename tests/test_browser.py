"""What people open: the report in a browser, and the notebooks in a real JupyterLab, driven through its own commands."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import browser
import pytest

from lib.runs.workbench import open_workbench
from lib.storage.tables import read_table
from lib.study.files import ROOT

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium or Chrome on this machine")


@pytest.fixture(scope="module")
def page():
    with browser.open_page() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(finished_smoke):
    return (finished_smoke[0].folder / "report.html").as_uri()


@pytest.mark.parametrize("size", [browser.DESK, browser.PHONE])
def test_the_report_fits_the_screen_loads_nothing_else_and_has_no_complaint(page, report, size):
    page.complaints.clear(), page.requests.clear()
    page.open(report, size)
    assert page.complaints == []
    assert {url for url in page.requests if not url.startswith("data:")} == {report}
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run("[...document.images].every(image => image.naturalWidth > 0)")


NUMBERS = """(() => {
  const cells = head => [...head.closest("table").tBodies[0].rows].map(row => row.cells[head.cellIndex].textContent);
  const differ = texts => new Set(texts).size > 1 && texts.every(text => text && !isNaN(text));
  const head = window.head ||= [...document.querySelectorAll(".wide th")].find(each => differ(cells(each)));
  if (CLICK) head.click();
  return [head.getAttribute("aria-sort"), cells(head).map(Number)];
})()"""


def test_a_click_on_a_head_sorts_a_table_and_another_turns_it_round(page, report):
    page.open(report)
    direction, before = page.run(NUMBERS.replace("CLICK", "false"))
    assert direction is None
    assert page.run(NUMBERS.replace("CLICK", "true")) == ["ascending", sorted(before)]
    assert page.run(NUMBERS.replace("CLICK", "true")) == ["descending", sorted(before, reverse=True)]


def test_every_link_of_the_report_leads_somewhere_and_notebook_pages_complain_of_nothing(page, report, finished_smoke):
    page.open(report)
    links = page.run("[...document.links].map(link => link.href)")
    pages = [link for link in links if link.endswith(".html")]
    assert len(pages) >= 10
    for link in links:
        assert page.run(f"new URL({json.dumps(link)}).protocol") == "file:"
    for link in pages:
        page.complaints.clear(), page.requests.clear()
        page.open(link)
        assert page.complaints == [] and page.requests[0] == link
        assert not [url for url in page.requests if not url.startswith(("data:", "file:"))]


def test_the_report_prints(page, report):
    page.open(report)
    assert len(page.call("Page.printToPDF")["data"]) > 10_000


@pytest.fixture(scope="module")
def lab(finished_smoke, tmp_path_factory):
    """A copy of the repository with the small study's results, but for one model; and a JupyterLab's address on it."""
    folder = tmp_path_factory.mktemp("lab")
    for part in ("lib", "notebooks", "params", "figures/shuffled", "figures/demo/tables"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    study, _ = finished_smoke
    shutil.copytree(Path(study.results), folder / "results")
    bench = open_workbench(study)
    lost = read_table(study.tables, "singles").query("side == 'target' and not selected").iloc[0]["run"]
    shutil.rmtree(folder / "results" / bench.ledger.path(lost).relative_to(Path(study.results).resolve()))
    (folder / "jupyter").mkdir()
    home = {name: str(folder / "jupyter") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    environment = os.environ | home | {"PYTHONPATH": str(folder), "IPYTHONDIR": str(folder / "jupyter")}
    environment.pop("WHENCE_HEADLESS", None)
    options = [
        "--no-browser", "--allow-root", "--expose-app-in-browser", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with open(folder / "lab.log", "w") as log:
        command = [sys.executable, "-m", "jupyterlab", *options]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield folder, _address(folder, process)
    finally:
        process.terminate()
        process.wait(60)


def _address(folder: Path, process: subprocess.Popen) -> str:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "lab.log").read_text()
        for file in (folder / "jupyter").glob("jpserver-*.json"):
            server = json.loads(file.read_text() or "{}")
            if server:
                return f"{server['url']}lab/tree/notebooks/{{}}?token={server['token']}&reset"  # no tabs of before
        time.sleep(0.2)
    raise TimeoutError((folder / "lab.log").read_text())


OPENED = "[...jupyterapp.shell.widgets('main')]"


def run_all(page, address: str, name: str) -> float:
    """Open a notebook in JupyterLab, run all its cells, and return the seconds; nothing may fail, warn or ask."""
    page.complaints.clear()
    page.open(address.format(name))
    page.until(f"window.jupyterapp && {OPENED}.some(each => each.context?.path === 'notebooks/{name}')", 300)
    page.run(f"window.notebook = {OPENED}.find(each => each.context?.path === 'notebooks/{name}'); 0")
    page.run("notebook.context.ready.then(() => notebook.sessionContext.ready).then(() => 0)")
    start = time.monotonic()
    succeeded = page.run("jupyterapp.commands.execute('notebook:run-all-cells')")
    seconds = time.monotonic() - start
    cells = page.run("notebook.model.toJSON().cells.filter(cell => cell.cell_type === 'code')")
    shown = [output for cell in cells for output in cell["outputs"]]
    wrong = [output for output in shown if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert succeeded and not wrong, (name, wrong)
    assert all(cell["execution_count"] for cell in cells)
    assert page.run("document.querySelectorAll('.jp-Dialog').length") == 0
    assert page.complaints == [], name
    return seconds


def close(page) -> None:
    page.run("notebook.context.save().then(() => notebook.sessionContext.shutdown()).then(() => 0)")


def test_run_all_in_jupyterlab_runs_every_notebook_without_a_warning(page, lab):
    (folder, address), seconds = lab, {}
    for source in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        seconds[source.stem] = run_all(page, address, source.name)
        if source.name.startswith("02"):  # the model that was taken away is trained again, and a widget shows it
            assert page.run("document.querySelectorAll('.jupyter-widgets').length") > 0
        if source.name.startswith("03"):
            assert page.run("document.querySelectorAll('figure img[alt]').length") > 0  # figures have their captions
        close(page)
    print({name: round(each, 1) for name, each in seconds.items()}, f"{sum(seconds.values()):.0f} s in all")
    selectors = read_table(folder / "results" / "smoke" / "tables", "selectors")
    assert set(selectors["selector"]) >= {"consensus", "taskemb"}  # notebook 11 has left notebook 4's scores alone


def test_published_tables_open_in_jupyterlab_as_the_readme_says(page, lab):
    folder, address = lab
    code = "from lib.notebooks import from_published_tables as f; from lib.study import Study; f(Study.load('demo'))"
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)}, check=True)
    notebook = json.loads((folder / "notebooks" / "05_ansat.ipynb").read_text())
    cell = next(cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", []))
    cell["source"] = 'study_name = "results/published/demo.yaml"'
    (folder / "notebooks" / "of_the_demo.ipynb").write_text(json.dumps(notebook))
    print(f"{run_all(page, address, 'of_the_demo.ipynb'):.0f} s")
    assert (folder / "results" / "published" / "demo" / "figures" / "05_ansat_matrices.png").exists()
    close(page)
