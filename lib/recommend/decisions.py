"""The decision about every target, from what is trained so far: as tables, and as the models that they lead to."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.datasets.split import seeded_generator
from lib.recommend.candidates import by_candidate
from lib.recommend.judging import ALONE, Candidate, Judgement, judge, spread_over_seeds, what_would_settle
from lib.runs.plan import source_tasks
from lib.runs.records import Model
from lib.runs.results import run_table
from lib.runs.workbench import Workbench
from lib.stats.bootstrap import interval, score_draws, weighted_counts
from lib.stats.metrics import THRESHOLD
from lib.stats.significance import FEWEST
from lib.storage.tables import write_for_spreadsheets, write_table

DRAWS = 1000
_STREAMS = {"validation": "texts", "test": "test"}  # names of the draws
MEASURED = ("average_precision", "f1_tuned")
TEST = [f"{prefix}test_{name}" for prefix in ("", "alone_") for name in MEASURED]
TEST += ["test_gain", "test_low", "test_high"]


class Decider:
    """Decides about all targets from the models that are trained, as often as there are new ones, and writes the tables.

    Resamples of a part's texts are the same for all models, so that differences are paired. What a model scores is read
    once.
    """

    def __init__(self, bench: Workbench):
        self.bench, self.models = bench, []
        self.counts: dict[str, np.ndarray] = {}
        self.draws: dict[tuple[str, str], np.ndarray] = {}
        self.rows: dict[str, pd.DataFrame] = {}

    def __call__(self, models: Sequence[Model]) -> dict[str, Judgement]:
        """Decide from validation, and write the tables "candidates" and "recommendations", without test scores.

        models: all that are trained so far: single-task models, and candidates.
        """
        self.models = list(models)
        judgements = self.judgements()
        study, table = self.bench.study, self.recommendation_table(judgements)
        write_table(study.tables, "candidates", self.candidate_table(judgements))
        write_for_spreadsheets(study.folder / "recommendations.csv", table)
        write_table(study.tables, "recommendations", table)
        return judgements

    def judgements(self) -> dict[str, Judgement]:
        """Every target's judgement; nothing can be told from fewer than FEWEST positives."""
        spread = self.spread()
        return {
            target: judge(
                {candidate: self._scores(tries) for candidate, tries in groups.items()},
                spread,
                seeded_generator("decisions", "seeds", target),
            )
            if self.bench.validation_labels(target).sum() >= FEWEST
            else Judgement("cannot_tell", None)
            for target, groups in by_candidate(self.models).items()
        }

    def spread(self) -> float:
        """The standard deviation of average precision over seeds, in what has several."""
        tries = [
            self._scores(models)[:, 0]
            for groups in by_candidate(self.models).values()
            for candidate, models in groups.items()
            if candidate.kind != "frozen" and len(models) > 1
        ]
        return spread_over_seeds(tries)

    def candidate_table(self, judgements: Mapping[str, Judgement]) -> pd.DataFrame:
        """Table "candidates": every candidate of a target, with its mean scores on validation over its seeds."""
        rows = []
        for target, groups in by_candidate(self.models).items():
            single = self._runs(groups[ALONE])["validation_average_precision"].mean()
            for candidate, tries in groups.items():
                runs = self._runs(tries)
                means = {f"validation_{name}": runs[f"validation_{name}"].mean() for name in MEASURED}
                gain, seconds = means["validation_average_precision"] - single, runs["total_seconds"].sum()
                used = candidate == judgements[target].used
                counted = {"seeds": len(runs), "gain": gain, "used": used, "seconds": seconds}
                rows.append({"target": target, **candidate._asdict(), **means, **counted})
        table = pd.DataFrame(rows).sort_values(["target", "gain"], ascending=[True, False], kind="stable")
        return table.reset_index(drop=True)

    def recommendation_table(self, judgements: Mapping[str, Judgement], with_test: bool = False) -> pd.DataFrame:
        """Table "recommendations": the decision about every target.

        judgements: by target. with_test: whether to read what test says of it, which decides nothing.
        """
        groups, spread = by_candidate(self.models), self.spread()
        rows = [self._row(target, groups[target], judgements[target], spread) for target in self.bench.tasks.names]
        table = pd.DataFrame(rows)
        test = [self._on_test(groups[target], judgements[target].used) for target in table["target"] if with_test]
        return table.join(pd.DataFrame(test, index=table.index if test else [], columns=TEST, dtype=float))

    def _row(
        self, target: str, groups: Mapping[Candidate, Sequence[Model]], judgement: Judgement, spread: float
    ) -> dict:
        """What validation says of a target."""
        runs = self._runs([model for tries in groups.values() for model in tries])
        validation, labels = self.bench.tasks.split["validation"], self.bench.validation_labels(target)
        seeds, texts = what_would_settle(judgement, len(validation), spread)
        leader = judgement.leader
        sources = [] if leader is None else sorted(source_tasks(self.bench, groups[leader][0]))
        return {
            "target": target, "verdict": judgement.verdict, "leader": "" if leader is None else leader.kind,
            "sources": ", ".join(sources), "used": judgement.used.kind,
            "expected_gain": judgement.expected, "low": judgement.low, "high": judgement.high,
            **self._means(groups, judgement.used, "validation"),
            "validation_texts": len(validation), "validation_positives": int(labels.sum()),
            "candidates": len(groups) - 1, "models": len(runs), "minutes": runs["total_seconds"].sum() / 60,
            "more_seeds": np.nan if seeds is None else seeds, "more_texts": np.nan if texts is None else texts,
        }  # fmt: skip

    def _means(self, groups: Mapping[Candidate, Sequence[Model]], used: Candidate, part: str) -> dict[str, float]:
        """Scores on a part of what is used and of training alone, means over seeds."""
        return {
            f"{prefix}{part}_{name}": self._runs(groups[candidate])[f"{part}_{name}"].mean()
            for prefix, candidate in (("", used), ("alone_", ALONE))
            for name in MEASURED
        }

    def _on_test(self, groups: Mapping[Candidate, Sequence[Model]], used: Candidate) -> dict[str, float]:
        """Test scores, and the gain in average precision with its 95 % interval over texts; NaN without a test part."""
        scores = self._means(groups, used, "test")
        if len(self.bench.tasks.split["test"]) == 0:
            return scores
        own, alone = (self._scores(groups[candidate], "test").mean(axis=0) for candidate in (used, ALONE))
        gain = own - alone
        low, high = interval(gain[1:])
        return scores | {"test_gain": float(gain[0]), "test_low": float(low), "test_high": float(high)}

    def _runs(self, models: Sequence[Model]) -> pd.DataFrame:
        for model in models:
            if model.run.id not in self.rows:
                self.rows[model.run.id] = run_table(self.bench, [model])
        return pd.concat([self.rows[model.run.id] for model in models])

    def _scores(self, models: Sequence[Model], part: str = "validation") -> np.ndarray:
        """Average precision of models on a part's texts and on their resamples, (models, 1 + DRAWS)."""
        if part not in self.counts:
            n, rng = len(self.bench.tasks.split[part]), seeded_generator("decisions", _STREAMS[part])
            self.counts[part] = weighted_counts(n, self.bench.tasks.weight(part), DRAWS, rng)
        for model in models:
            if (part, model.run.id) not in self.draws:
                drawn = score_draws(self.counts[part], *self._judged(model, part), THRESHOLD)
                self.draws[part, model.run.id] = drawn["average_precision"]
        return np.stack([self.draws[part, model.run.id] for model in models])

    def _judged(self, model: Model, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Labels and probabilities of a part's texts, (texts,) each."""
        run, target = model.run.id, model.target
        if part == "validation":
            return self.bench.validation_labels(target), self.bench.validation_predictions(run)
        probabilities, labels = self.bench.read_test({run: target})
        return labels[target], probabilities[run]


def used_models(models: Sequence[Model], judgements: Mapping[str, Judgement]) -> dict[str, Model]:
    """The model that every target should use: the first seed of what is decided. models: all that are trained."""
    groups = by_candidate(models)
    return {target: groups[target][judgement.used][0] for target, judgement in judgements.items()}
