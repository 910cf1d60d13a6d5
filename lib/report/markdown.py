"""Markdown as HTML for pages that work alone: formulas as MathML, pictures within, no link that leads out."""

import html
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, unquote

import mistune
from mistune.util import striptags

from lib.report.captions import picture

PICTURE = re.compile(r'<picture>\n<source [^>]*>\n<img src="(?P<url>[^"]*)" alt="(?P<text>[^"]*)">\n</picture>')


def heading_id(text: str) -> str:
    """The id that GitHub gives a heading; of the id that Jupyter gives it, the same."""
    return re.sub(r"[^\w -]", "", text).lower().replace(" ", "-")


class _Renderer(mistune.HTMLRenderer):
    """Tags in the text are shown, not obeyed.

    beside: the folder that links and pictures start from. pages: file -> address of its page; a link to anything else
    is only its text.
    """

    def __init__(self, beside: Path = Path(), pages: Mapping[Path, str] = MappingProxyType({})):
        super().__init__(escape=True)
        self.beside, self.pages = beside, pages

    def link(self, text: str, url: str, title: str | None = None) -> str:
        file, _, anchor = url.partition("#")
        page = self.pages.get((self.beside / file).resolve()) if file else ""
        if page is None:
            return text
        return f'<a href="{quote(page)}{"#" if anchor else ""}{heading_id(unquote(anchor))}">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        file = self.beside / url
        return picture(file.read_bytes(), striptags(text)) if file.is_file() else text

    def heading(self, text: str, level: int, **attributes) -> str:
        return super().heading(text, level, id=heading_id(html.unescape(striptags(text))))

    def block_html(self, html: str) -> str:
        """Comments are dropped; of a picture for light and dark pages the light one is shown."""
        if themed := PICTURE.fullmatch(html.strip()):
            return f"<p>{self.image(unescape(themed['text']), themed['url'])}</p>\n"
        return "" if html.startswith("<!--") else super().block_html(html)

    def table(self, text: str) -> str:
        return f'<div class="scroll"><table>\n{text}</table></div>\n'

    def inline_math(self, formula: str) -> str:
        return mathml(formula, "inline")

    def block_math(self, formula: str) -> str:
        return f'<div class="scroll">{mathml(formula, "block")}</div>\n'


def mathml(formula: str, display: str) -> str:
    """A TeX formula as MathML, which browsers draw themselves, or its source where the converter fails."""
    from latex2mathml.converter import convert

    try:
        return convert(formula, display=display)
    except Exception:  # the converter's errors have no common class, and a formula must not stop a report
        return f"<code>{html.escape(formula)}</code>"


markdown = mistune.create_markdown(renderer=_Renderer(), plugins=["table"])  # of sentences, where a dollar is a dollar


def prose(text: str, beside: Path, pages: Mapping[Path, str] = MappingProxyType({})) -> str:
    """A text with formulas as HTML.

    Args:
        text: Markdown.
        beside: the folder that its links and pictures start from.
        pages: absolute path of a file -> address of its page; a link to anything else is only its text.
    """
    return mistune.create_markdown(renderer=_Renderer(beside, pages), plugins=["table", "math"])(text)
