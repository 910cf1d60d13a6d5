"""What people open: report and site in a browser, and notebooks in a real JupyterLab, driven through its own commands."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import browser
import pytest
from playwright.sync_api import expect

from lib.runs.workbench import open_workbench
from lib.storage.tables import read_table
from lib.study.files import ROOT

pytestmark = browser.needs_chromium


@pytest.fixture(scope="module")
def chromium():
    with browser.open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(finished_smoke):
    return (finished_smoke[0].folder / "report.html").as_uri()


@pytest.mark.parametrize("screen", [browser.DESK, browser.PHONE], ids=["desk", "phone"])
def test_the_report_fits_the_screen_loads_nothing_else_and_has_no_complaint(chromium, report, screen):
    with browser.open_page(chromium, screen) as (page, heard):
        page.goto(report)
        assert heard.complaints == []
        assert {url for url in heard.requests if not url.startswith("data:")} == {report}
        assert page.evaluate(browser.FITS)
        assert page.evaluate("document.images.length") and page.evaluate(browser.LOADED)


def test_a_click_on_a_head_sorts_a_table_and_another_turns_it_round(chromium, report):
    with browser.open_page(chromium) as (page, _):
        page.goto(report)
        table = page.locator("details", has_text="singles (")
        table.locator("summary").click()
        place = table.locator("th").all_text_contents().index("test_f1")
        head, column = table.locator("th").nth(place), table.locator(f"td:nth-child({place + 1})")
        before = [float(text) for text in column.all_text_contents()]
        assert head.get_attribute("aria-sort") is None and before != sorted(before)
        for direction, turned in (("ascending", False), ("descending", True)):
            head.click()
            assert head.get_attribute("aria-sort") == direction
            assert [float(text) for text in column.all_text_contents()] == sorted(before, reverse=turned)


def test_every_link_of_the_report_leads_somewhere_and_notebook_pages_complain_of_nothing(chromium, report):
    with browser.open_page(chromium) as (page, heard):
        page.goto(report)
        links = page.evaluate("[...document.links].map(link => link.href)")
        assert all(page.locator(f"#{link.partition('#')[2]}").count() == 1 for link in links if "#" in link)
        files = [link for link in links if "#" not in link]
        assert all(Path(unquote(urlsplit(link).path)).is_file() and link.startswith("file:") for link in files)
        pages = [link for link in files if link.endswith(".html")]
        assert len(pages) >= 10
        for link in pages:
            heard.clear()
            page.goto(link)
            assert heard.complaints == [] and heard.requests[0] == link
            assert not [url for url in heard.requests if not url.startswith(("data:", "file:"))]


def test_the_report_prints(chromium, report):
    with browser.open_page(chromium) as (page, _):
        page.goto(report)
        assert len(page.pdf()) > 10_000


@pytest.fixture(scope="module")
def site(finished_smoke):
    return finished_smoke[0].folder / "site"


READERS = {
    "a desk by day": browser.DESK | {"color_scheme": "light"},
    "a phone by night": browser.PHONE | {"color_scheme": "dark"},
}


@pytest.mark.parametrize("screen", READERS.values(), ids=READERS)
def test_every_page_of_the_site_can_be_read_and_loads_only_files_of_the_site(chromium, site, screen):
    with browser.open_page(chromium, screen) as (page, heard):
        for path in sorted(site.glob("*.html")):
            heard.clear()
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('nav details').forEach(menu => menu.open = true)")
            assert heard.complaints == [], path.name
            assert all(url.startswith(f"{site.as_uri()}/") for url in heard.requests), path.name
            assert page.evaluate(browser.FITS) and page.evaluate(browser.LOADED), path.name
            assert page.evaluate(browser.FAINT) == [], path.name


REACHED = "a, summary, button, input, [tabindex='0']"
STOPS = f'[...document.querySelectorAll("{REACHED}")].filter(stop => stop.checkVisibility())'


@pytest.mark.parametrize("name", ["index", "03_transfer_grid"])
def test_the_site_is_read_with_keys_alone(chromium, site, name):
    """Every link, table and menu is reached in the order of the page, and shows that it is."""
    with browser.open_page(chromium) as (page, _):
        page.goto((site / f"{name}.html").as_uri())
        for stop in range(page.evaluate(f"{STOPS}.length")):
            page.keyboard.press("Tab")
            assert page.evaluate(f"{STOPS}.indexOf(document.activeElement)") == stop
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.reload()
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement.getBoundingClientRect().left >= 0"
        )  # the link that skips the menus
        page.keyboard.press("Enter")
        page.wait_for_function("document.activeElement.id === 'start'")


def test_a_table_is_opened_scrolled_and_sorted_with_keys(chromium, site):
    with browser.open_page(chromium, browser.PHONE) as (page, _):
        page.goto((site / "index.html").as_uri())
        table = page.locator("main details", has_text="singles (")
        table.locator("summary").press("Enter")
        page.wait_for_function("document.querySelector('main details[open] .scroll')?.tabIndex === 0")
        table.locator(".scroll").press("ArrowRight")
        page.wait_for_function("document.querySelector('main details[open] .scroll').scrollLeft > 0")
        table.locator("th button").first.press("Enter")
        assert table.locator("th").first.get_attribute("aria-sort") == "ascending"


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
    """The address of a notebook, with a place for its name, once JupyterLab answers."""
    deadline = time.monotonic() + browser.SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "lab.log").read_text()
        for file in (folder / "jupyter").glob("jpserver-*.json"):
            server = json.loads(file.read_text() or "{}")
            if server and _answers(server["port"]):
                return f"{server['url']}lab/tree/notebooks/{{}}?token={server['token']}&reset"  # no tabs of before
        time.sleep(0.2)
    raise TimeoutError((folder / "lab.log").read_text())


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("localhost", port)) == 0


OPENED = "[...jupyterapp.shell.widgets('main')]"


def run_all(page, heard, address: str, name: str) -> float:
    """Open a notebook in JupyterLab, run all its cells, and return the seconds; nothing may fail, warn or ask."""
    heard.clear()
    page.goto(address.format(name))
    opened = f"each => each.context?.path === 'notebooks/{name}'"
    page.wait_for_function(f"window.jupyterapp && (window.notebook = {OPENED}.find({opened}))")
    page.evaluate("notebook.context.ready.then(() => notebook.sessionContext.ready).then(() => 0)")
    start = time.monotonic()
    succeeded = page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    seconds = time.monotonic() - start
    cells = page.evaluate("notebook.model.toJSON().cells.filter(cell => cell.cell_type === 'code')")
    shown = [output for cell in cells for output in cell["outputs"]]
    wrong = [output for output in shown if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert succeeded and not wrong, (name, wrong)
    assert all(cell["execution_count"] for cell in cells)
    assert page.locator(".jp-Dialog").count() == 0
    assert heard.complaints == [], name
    return seconds


def sort_and_filter(page) -> None:
    """Sort the table of all pairs in notebook 3 by its gains, and look for a task."""
    table, field = page.locator(".sortable"), page.locator(".jp-OutputArea-output input[type=search]")
    rows, gains = table.locator("tbody tr:visible"), table.locator("tbody tr:visible td:nth-child(3)")
    before = [float(gain) for gain in gains.all_text_contents()]
    table.locator("th", has_text="gain in F1").click()
    assert [float(gain) for gain in gains.all_text_contents()] == sorted(before)
    field.fill("task_1")
    expect(rows).to_have_count(8)
    assert all("task_1" in row for row in rows.all_inner_texts())


def move_controls(page) -> None:
    """Move the threshold and choose a source in notebook 5: the matrix and the sentence about the pair follow."""
    matrix, told = page.locator(".widget-html-content table").first, page.locator(".widget-html-content p").first
    before = matrix.inner_text()
    page.locator(".noUi-handle").first.press("ArrowLeft")
    expect(matrix).not_to_have_text(before, use_inner_text=True)
    chosen = page.locator(".widget-dropdown select")
    for place, task in enumerate(("task_2", "task_1")):
        chosen.nth(place).select_option(task)
    expect(told).to_contain_text("task_2 and task_1 share")


def follow_contents(page) -> None:
    """Every link of a notebook's opening leads to a heading."""
    links = page.evaluate("[...notebook.node.querySelectorAll('.jp-MarkdownCell p a')].map(link => link.hash.slice(1))")
    found = page.evaluate("[...notebook.node.querySelectorAll('h2')].map(head => head.dataset.jupyterId)")
    assert links and set(links) == set(found)


def close(page) -> None:
    page.evaluate("notebook.context.save().then(() => notebook.sessionContext.shutdown()).then(() => 0)")


def test_run_all_in_jupyterlab_runs_every_notebook_without_a_warning(chromium, lab):
    (folder, address), seconds = lab, {}
    with browser.open_page(chromium) as (page, heard):
        for source in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
            seconds[source.stem] = run_all(page, heard, address, source.name)
            follow_contents(page)
            if source.name.startswith("02"):  # the model that was taken away is trained again, and a widget shows it
                assert page.locator(".jupyter-widgets").count() > 0
            if source.name.startswith("03"):
                assert page.locator("figure img[alt]").count() > 0  # figures have their captions
                sort_and_filter(page)
            if source.name.startswith("05"):
                move_controls(page)
            close(page)
    print({name: round(each, 1) for name, each in seconds.items()}, f"{sum(seconds.values()):.0f} s in all")
    selectors = read_table(folder / "results" / "smoke" / "tables", "selectors")
    assert set(selectors["selector"]) >= {"consensus", "taskemb"}  # notebook 11 has left notebook 4's scores alone


def test_published_tables_open_in_jupyterlab_as_the_readme_says(chromium, lab):
    folder, address = lab
    code = "from lib.notebooks.published import use_published as use; from lib.study.parameters import Study; "
    code += "use(Study.load('demo'), [], print)"
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)}, check=True)
    text = (folder / "notebooks" / "05_ansat.ipynb").read_text()
    assert text.count(r"study_name = \"smoke\"") == 1
    (folder / "notebooks" / "of_the_demo.ipynb").write_text(text.replace(r"\"smoke\"", r"\"demo\""))
    with browser.open_page(chromium) as (page, heard):
        print(f"{run_all(page, heard, address, 'of_the_demo.ipynb'):.0f} s")
        close(page)
    assert (folder / "results" / "demo" / "figures" / "05_ansat_matrix.png").exists()
