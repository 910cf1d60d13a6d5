"""The chart of what to do: questions at the left, answers with their numbers at the right."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.figures.boxes import LARGE, SMALL, draw_arrow, draw_frame, sheet
from lib.report.figures.style import TITLE_LINE, WIDTH
from lib.report.figures.themes import FONT, Theme
from lib.report.sentences.advice import Answer, Question

ASKED, ANSWERED = 1.7, 3.34  # width of a question and of an answer, in inches
ROW, GAP = 0.56, 0.14  # height of an answer, and space between two questions
HEAD, LEADING, EDGE = 0.34, 0.16, 0.05  # height of a title, of each further line of it, and space at the edge
LINE = 56  # characters of an answer's evidence in one line


def plot_advice(theme: Theme, questions: Sequence[Question], finding: str) -> Figure:
    """The chart in one theme, WIDTH inches wide; an answer that is a gain outside the noise has the colour of gains."""
    answers = sum(len(question.answers) for question in questions)
    title = fill(finding, TITLE_LINE)
    head = HEAD + LEADING * title.count("\n")
    height = head + answers * ROW + (len(questions) - 1) * GAP + EDGE
    figure, axes = sheet(height, theme)
    text = {"color": theme.ink, "family": FONT, "va": "center"}
    axes.text(EDGE, height - head / 2, title, size=9.5, **text)
    top = height - head
    for question in questions:
        middle = top - len(question.answers) * ROW / 2
        draw_frame(axes, (EDGE, middle - 0.2, ASKED, 0.4), theme, "both")
        axes.text(EDGE + ASKED / 2, middle, question.text, size=SMALL, ha="center", **text)
        for answer in question.answers:
            _draw_answer(axes, answer, (middle, top - ROW / 2), theme)
            top -= ROW
        top -= GAP
    return figure


def _draw_answer(axes: Axes, answer: Answer, heights: tuple[float, float], theme: Theme) -> None:
    """heights: of the question and of the answer."""
    asked, y = heights
    left = WIDTH - EDGE - ANSWERED
    bend = EDGE + ASKED + 0.12
    draw_arrow(axes, [(EDGE + ASKED, asked), (bend, asked), (bend, y), (left, y)], theme)
    text = {"color": theme.ink, "family": FONT, "va": "center"}
    axes.text(left - 0.12, y + 0.09, answer.condition, size=SMALL, ha="right", **text)
    place = (left, y - ROW / 2 + 0.04, ANSWERED, ROW - 0.08)
    draw_frame(axes, place, theme, "gaining" if answer.gains else "both")
    evidence = fill(answer.evidence, LINE)
    lines = evidence.count("\n") + 1
    axes.text(left + 0.08, y + 0.03 + 0.055 * lines, answer.action, size=LARGE, weight="bold", **text)
    axes.text(left + 0.08, y - 0.09, evidence, size=SMALL, linespacing=1.0, **text)
