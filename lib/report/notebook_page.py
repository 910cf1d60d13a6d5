"""An executed notebook as HTML: its prose, its code and what its cells showed."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from lib.report.captions import picture
from lib.report.markdown import markdown, prose

HIDDEN = {"parameters", "injected-parameters"}  # tags of the cells that name the study, perhaps by a path


def notebook_html(cells: Sequence[Mapping], beside: Path) -> str:
    """The cells of an executed notebook, as its JSON has them, as HTML. beside: the folder of its source."""
    shown = [cell for cell in cells if not HIDDEN & set(cell["metadata"].get("tags", []))]
    return "\n".join(_code(cell) if cell["cell_type"] == "code" else _prose(cell, beside) for cell in shown)


def _prose(cell: Mapping, beside: Path) -> str:
    return prose("".join(cell["source"]), beside)


def _code(cell: Mapping) -> str:
    code = highlight("".join(cell["source"]), PythonLexer(), HtmlFormatter(nowrap=True))
    return "\n".join([f'<pre class="code"><code>{code}</code></pre>', *map(_output, cell["outputs"])])


def _output(output: Mapping) -> str:
    """The richest form of an output that a page can show. HTML and its escapes are as the notebook has them."""
    if output["output_type"] == "stream":
        return _plain(output["text"])
    data = output.get("data", {})
    if "text/html" in data:
        return f'<div class="output scroll">{"".join(data["text/html"])}</div>'
    if "text/markdown" in data:
        return f'<div class="output">{markdown("".join(data["text/markdown"]))}</div>'
    if "image/png" in data:
        png = base64.b64decode("".join(data["image/png"]))
        return f'<div class="output">{picture(png, "".join(data.get("text/plain", "picture")))}</div>'
    return _plain(data.get("text/plain", ""))


def _plain(text: str | Sequence[str]) -> str:
    return f"<pre>{html.escape(''.join(text))}</pre>"
