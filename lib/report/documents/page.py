"""What is stated of each document that code writes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lib.report.documents.published import PublishedStudy


@dataclass(frozen=True)
class Page:
    """A document that code writes.

    path: below the project's folder. template: in lib/report/templates. gather: from the published studies of the page
    to the template's values. studies: their names, the main one first; those that are not published are left out, and so
    is the page where none is. None: all that are published.
    """

    path: str
    template: str
    gather: Callable[[Sequence[PublishedStudy]], dict]
    studies: tuple[str, ...] | None = None
    title: str = ""
    about: str = ""

    def rests_on(self, published: Mapping[str, PublishedStudy]) -> list[PublishedStudy]:
        """The published studies of this page."""
        names = published if self.studies is None else self.studies
        return [published[name] for name in names if name in published]
