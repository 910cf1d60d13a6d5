"""Turns an executed notebook into one HTML page that loads nothing from the network."""

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

# nbconvert's page without what it would load from the network.
_TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js_requirejs %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
"""


def notebook_page(notebook: "NotebookNode", title: str) -> str:
    """An executed notebook as one HTML page with embedded images, and with formulas as MathML."""
    exporter = _exporter_class()(raw_template=_TEMPLATE, embed_images=True)
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return page


def _exporter_class() -> type:
    """nbconvert's HTML exporter with formulas as MathML, which browsers draw themselves; MathJax needs a network."""
    from nbconvert.exporters import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def inline_math(self, body: str) -> str:
            return mathml(body, "inline")

        def block_math(self, body: str) -> str:
            return mathml(body, "block")

        def latex_environment(self, name: str, body: str) -> str:
            return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    class Exporter(HTMLExporter):
        def default_filters(self):
            yield from super().default_filters()
            yield "markdown2html", lambda source: MarkdownWithMath(renderer=Renderer(escape=False)).render(source)

    return Exporter


def mathml(formula: str, display: str) -> str:
    """A TeX formula as MathML, or its source where the converter fails."""
    from latex2mathml.converter import convert

    try:
        return convert(formula, display=display)
    except Exception:  # the converter's errors have no common class, and a formula must not stop a report
        return f"<code>{html.escape(formula)}</code>"
