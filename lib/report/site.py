"""The site that a study leaves behind: report, executed notebooks and results, to be read without running anything.

Every page works from a file, a memory stick or any web server: links are relative, pictures are files that lie there
once however many pages show them, and nothing is loaded from a network.
"""

import base64
import html
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lib.report.documents.pages import RESULTS
from lib.report.documents.published import published_studies
from lib.report.markdown import prose
from lib.report.notebook_page import notebook_html
from lib.report.pages import SITE, render_page, report_html
from lib.report.sections import sections
from lib.storage.ledger import fingerprint
from lib.storage.replacing import replacing_folder
from lib.study.files import ROOT, shown

TEMPLATES = Path(__file__).with_name("templates")
METHOD = ROOT / "docs" / "method.md"  # explains the terms of all other pages
PICTURE = re.compile(r'(?<=<img src=")data:image/png;base64,([\w+/=]+)(?=")')


@dataclass(frozen=True)
class SitePage:
    """A page of a site. address: its file's name; title: in menus."""

    address: str
    title: str


INDEX = SitePage("index.html", "Report")


@dataclass(frozen=True)
class Place:
    """Where a page stands in its site.

    here: its address. menus: title -> pages, all of the site's in reading order.
    """

    here: str
    menus: Mapping[str, Sequence[SitePage]]

    @property
    def neighbours(self) -> dict[str, SitePage]:
        """The pages before and after this one, by their relation to it ("prev", "next")."""
        order = [page for pages in self.menus.values() for page in pages]
        place = [page.address for page in order].index(self.here)
        around = {"prev": order[place - 1 : place], "next": order[place + 1 : place + 2]}
        return {relation: pages[0] for relation, pages in around.items() if pages}


def write_site(folder: Path, name: str) -> Path:
    """Write the folder ``site`` into a study's folder of results, whole or not at all, and return its first page.

    Args:
        folder: of the study's results, with its executed notebooks.
        name: the study's, by which its pages in docs/results are found.
    """
    with replacing_folder(folder / SITE) as site:
        for inside in ("figures", "tables"):
            (site / inside).mkdir()
        for path in [*TEMPLATES.glob("*.css"), *TEMPLATES.glob("*.js")]:
            shutil.copy(path, site)
        for path in (folder / "tables").glob("*.csv"):
            shutil.copy(path, site / "tables")
        for address, page in _contents(folder, name):
            page = PICTURE.sub(partial(_picture_file, site), page)
            (site / address).write_text(_without_places(page, (folder, ROOT, Path(sys.prefix))), encoding="utf-8")
    return folder / SITE / INDEX.address


def _contents(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """The address and the HTML of every page, which holds its pictures."""
    notebooks = {told.copy: SitePage(told.page, f"{int(told.page[:2])} {told.title}") for told in sections(folder)}
    documents = _documents(name)
    menus = {INDEX.title: [INDEX], "Notebooks": [*notebooks.values()], "Documents": [*documents.values()]}
    addresses = {path: page.address for path, page in documents.items()}

    def filled(page: SitePage, note: str, body: str) -> tuple[str, str]:
        place = Place(page.address, menus)
        return page.address, render_page("page.html.j2", name=name, title=page.title, place=place, note=note, body=body)

    yield INDEX.address, report_html(folder, name, Place(INDEX.address, menus))
    for path, page in notebooks.items():
        cells = json.loads(path.read_bytes())["cells"]
        yield filled(page, f"notebooks/{path.name}, as it ran", notebook_html(cells, ROOT / "notebooks"))
    for path, page in documents.items():
        yield filled(
            page, f"{shown(path)}, as published", prose(path.read_text(encoding="utf-8"), path.parent, addresses)
        )


def _documents(name: str) -> dict[Path, SitePage]:
    """The pages on results that rest on a study, where it is published, and the method, which explains their terms."""
    published = published_studies()
    pages = {ROOT / page.path: page for page in RESULTS if name in [study.name for study in page.rests_on(published)]}
    found = {path: SitePage(f"{path.stem}.html", page.title) for path, page in pages.items() if path.exists()}
    return found | {METHOD: SitePage("method.html", "The method")}


def _picture_file(site: Path, found: re.Match) -> str:
    """Write a picture that a page holds, and return its address."""
    png = base64.b64decode(found[1])
    address = f"figures/{fingerprint(png)}.png"
    (site / address).write_bytes(png)
    return address


def _without_places(page: str, folders: Iterable[Path]) -> str:
    """A page that does not tell where on a machine these folders are; paths in them begin there."""
    for folder in folders:
        page = re.sub(rf"{re.escape(html.escape(str(folder)))}(?:/|\b)", "", page)
    return page
