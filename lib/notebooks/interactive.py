"""Pages that follow controls in JupyterLab; a headless run shows the page as it begins, since nobody moves them."""

import html
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from IPython.display import HTML


@dataclass(frozen=True)
class Control:
    """A value that a reader may change.

    kind: the class of ipywidgets that shows it. value: with which it begins. options: to choose from; none for free text.
    resets: what other controls, by name, begin again with whenever this one changes, given its new value.
    """

    kind: str
    value: object
    options: Sequence = ()
    resets: Mapping[str, Callable[[object], object]] = field(default_factory=dict)


def interactive(page: Callable[..., str], controls: Mapping[str, Control]) -> object:
    """Controls above a page that follows them.

    Args:
        page: from the controls' values, by name, to HTML in which all text from data is escaped.
        controls: by name.

    Returns:
        Widgets in JupyterLab; in a headless run HTML: the page as it begins, and what could be changed.
    """
    begin = {name: control.value for name, control in controls.items()}
    if os.environ.get("WHENCE_HEADLESS") == "1":
        named = [f"{name} ({each.value})" if each.options else name for name, each in controls.items()]
        return HTML(f"<p><em>In JupyterLab you can change: {html.escape(', '.join(named))}.</em></p>\n{page(**begin)}")
    return _widgets(page, controls, begin)


def _widgets(page: Callable[..., str], controls: Mapping[str, Control], begin: Mapping[str, object]) -> object:
    import ipywidgets  # late: a headless run has no use for it, and a widget would leave its state in the notebook

    widgets = {}
    for name, control in controls.items():
        typed = {"layout": {"width": "95%"}, "continuous_update": False}  # the page follows when the field is left
        more = {"options": control.options} if control.options else typed
        widgets[name] = getattr(ipywidgets, control.kind)(value=control.value, description=name, **more)
    shown = ipywidgets.HTML(page(**begin))

    def update(change: Mapping) -> None:
        shown.value = page(**{name: widget.value for name, widget in widgets.items()})

    def reset(widget: ipywidgets.Widget, beginning: Callable[[object], object], change: Mapping) -> None:
        widget.value = beginning(change["new"])

    for name, widget in widgets.items():
        for other, beginning in controls[name].resets.items():
            widget.observe(partial(reset, widgets[other], beginning), "value")
        widget.observe(update, "value")
    row = ipywidgets.Box(list(widgets.values()), layout={"flex_flow": "row wrap"})
    return ipywidgets.VBox([row, shown])
