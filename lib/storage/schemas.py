"""The columns of the tables that notebooks hand to each other."""

import pandera.pandas as pa

PHASES = (  # of a study's time, as estimated before it starts and as spent
    "training single-task models",
    "training transfer models",
    "training step-matched baselines",
    "training reseeded baselines",  # where the study asks for them
    "predicting",
    "loading and saving",
    "lost and collapsed tries",
    "conductance",
    "conductance with other steps",
    "feature extraction",
    "scoring by selectors",
)


def _schema(unique: list[str], **columns: pa.Column) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(columns, unique=unique, strict=False, ordered=False)


def _text() -> pa.Column:
    return pa.Column(str)


def _count() -> pa.Column:
    return pa.Column(int, pa.Check.ge(0))


def _share(nullable: bool = False) -> pa.Column:
    return pa.Column(float, pa.Check.in_range(0, 1), nullable=nullable)


def _number(nullable: bool = False) -> pa.Column:
    return pa.Column(float, nullable=nullable)


def _flag() -> pa.Column:
    return pa.Column(bool)


_SECONDS = {name: pa.Column(float, pa.Check.ge(0)) for name in ("train_seconds", "total_seconds")}
_SCORES = {
    f"{part}_{score}": _share()
    for part in ("validation", "test")
    for score in ("f1", "average_precision", "precision", "recall")
}


_BASELINE = _schema(
    ["target", "seed"],
    target=_text(),
    setting=_count(),
    seed=_count(),
    run=_text(),
    steps=_count(),
    collapsed=_flag(),
    **_SECONDS,
    **_SCORES,
)


_REGRESSION_SCORES = _schema(
    ["protocol", "model", "judged_against", "score"],
    protocol=_text(),
    model=_text(),
    judged_against=_text(),
    score=pa.Column(str, pa.Check.isin(["mae", "r2", "spearman"])),
    value=_number(nullable=True),
    low=_number(nullable=True),
    high=_number(nullable=True),
)


_ANYTIME = {
    "order": _text(),
    "share_of_time": _share(),
    **{f"f1{end}": _share(nullable=True) for end in ("", "_low", "_high")},
    **{f"loss{end}": _number(nullable=True) for end in ("", "_low", "_high")},
}


SCHEMAS = {
    "tasks": _schema(
        ["task"],
        task=_text(),
        n_train=_count(),
        n_validation=_count(),
        n_test=_count(),
        train_positives=_count(),
        validation_positives=_count(),
        test_positives=_count(),
        prevalence=_share(),
        source_texts=_count(),
        source_positives=_count(),
        target_texts=_count(),
        target_positives=_count(),
    ),
    "estimate": _schema(
        ["phase"],
        phase=pa.Column(str, pa.Check.isin(PHASES)),
        models=_count(),
        seconds=pa.Column(float, pa.Check.ge(0)),
        disk_mb=pa.Column(float, pa.Check.ge(0)),
    ),
    "cooccurrence": _schema(["source", "target"], source=_text(), target=_text(), phi=_number(nullable=True)),
    "runs": _schema(
        ["run"],
        run=_text(),
        kind=pa.Column(str, pa.Check.isin(["single", "transfer", "step_matched", "reseeded"])),
        target=_text(),
        source=_text(),
        source_run=_text(),
        side=pa.Column(str, pa.Check.isin(["source", "target", "both"])),
        setting=_count(),
        seed=_count(),
        texts=_count(),
        positives=_count(),
        steps=_count(),
        predict_seconds=_number(),
        other_seconds=_number(),
        failed_seconds=_number(),
        tries=_count(),
        collapsed=_flag(),
        device=_text(),
        precision=_text(),
        threads=_count(),
        **_SECONDS,
        **_SCORES,
    ),
    "singles": _schema(
        ["run"],
        target=_text(),
        side=_text(),
        setting=_count(),
        seed=_count(),
        run=_text(),
        selected=_flag(),
        collapsed=_flag(),
        **_SECONDS,
        **_SCORES,
    ),
    "pairs": _schema(
        ["source", "target", "setting", "seed"],
        source=_text(),
        target=_text(),
        setting=_count(),
        seed=_count(),
        run=_text(),
        source_run=_text(),
        **_SECONDS,
        **_SCORES,
    ),
    "checkpoints": _schema(
        ["source", "target", "setting", "seed", "checkpoint"],
        source=_text(),
        target=_text(),
        setting=_count(),
        seed=_count(),
        checkpoint=pa.Column(float, pa.Check.gt(0)),
        steps=_count(),
        train_seconds=_number(),
        predict_seconds=_number(),
        validation_f1=_share(),
        validation_average_precision=_share(),
    ),
    "step_matched": _BASELINE,
    "reseeded": _BASELINE,
    "transfer_matrix": _schema(
        ["source", "target"],
        source=_text(),
        target=_text(),
        test_f1=_share(),
        validation_f1=_share(),
        single_test_f1=_share(),
        step_matched_test_f1=_share(),
        **{
            f"{name}{part}": _number()
            for name in ("gain", "gain_over_step_matched")
            for part in ("", "_low", "_high", "_p")
        },
        relative_gain=_number(nullable=True),
        single_validation_f1=_share(),
        setting=_count(),
        helps=_flag(),
        hurts=_flag(),
        chosen=_flag(),
    ),
    "repeatability": _schema(
        ["ranked_by", "other_seed", "metric"],
        ranked_by=pa.Column(str, pa.Check.isin(["test_f1", "validation_f1"])),
        other_seed=_flag(),
        metric=pa.Column(str, pa.Check.isin(["spearman", "gain"])),
        value=_number(nullable=True),
        low=_number(nullable=True),
        high=_number(nullable=True),
    ),
    "choices": _schema(
        ["target", "seed", "among"],
        target=_text(),
        seed=_count(),
        among=pa.Column(str, pa.Check.isin(["no transfer", "pairs", "reseeded"])),
        run=_text(),
        validation_f1=_share(),
        test_f1=_share(),
        test_average_precision=_share(),
    ),
    "conductance": _schema(
        ["run"],
        run=_text(),
        task=_text(),
        side=_text(),
        seed=_count(),
        probe_texts=_count(),
        steps=_count(),
        seconds=_number(),
        completeness_error_absolute=_number(),
        completeness_error_relative=_number(),
    ),
    "tradeoff": _schema(
        ["steps", "probe_texts", "resampled"],
        steps=_count(),
        probe_texts=_count(),
        resampled=_flag(),
        seconds=_number(),
        agreement=_number(),
        agreement_low=_number(),
        agreement_high=_number(),
    ),
    "ansat": _schema(
        ["source", "target", "seed", "layer", "threshold", "probe"],
        source=_text(),
        target=_text(),
        seed=_count(),
        layer=_count(),
        threshold=_share(),
        probe=pa.Column(str, pa.Check.isin(["all", "positives"])),
        ansat=pa.Column(float, pa.Check.ge(0)),
        jaccard=_share(),
    ),
    "signed_similarity": _schema(
        ["source", "target", "seed", "layer", "probe"],
        source=_text(),
        target=_text(),
        seed=_count(),
        layer=_count(),
        probe=pa.Column(str, pa.Check.isin(["all", "positives"])),
        cosine=_number(),
        spearman=_number(),
    ),
    "feature_extraction": _schema(
        ["kind", "run"],
        kind=pa.Column(str, pa.Check.isin(["features", "validation", "fisher"])),
        run=_text(),
        texts=_count(),
        seconds=pa.Column(float, pa.Check.ge(0)),
    ),
    "selectors": _schema(
        ["selector", "source", "target", "seed"],
        selector=_text(),
        source=_text(),
        target=_text(),
        seed=_count(),
        score=_number(),
    ),
    "selector_costs": _schema(
        ["selector"],
        selector=_text(),
        title=_text(),
        sees_target_labels=_flag(),
        caveat=_text(),
        extraction_seconds=_number(),
        scoring_seconds=_number(),
        peak_memory_mb=_number(),
    ),
    "predictions": _schema(
        ["protocol", "model", "source", "target", "setting", "seed", "fold"],
        protocol=_text(),
        model=_text(),
        source=_text(),
        target=_text(),
        setting=_count(),
        seed=_count(),
        fold=_text(),
        predicted=_number(),
        validation_f1=_share(),
        test_f1=_share(),
    ),
    "regression_scores": _REGRESSION_SCORES,
    "ablations": _REGRESSION_SCORES,
    "importance": _schema(["view", "name"], view=_text(), name=_text(), share=_share()),
    "selector_metrics": _schema(
        ["selector", "metric"],
        selector=_text(),
        metric=_text(),
        value=_number(nullable=True),
        low=_number(nullable=True),
        high=_number(nullable=True),
        random=_number(nullable=True),
        over_random_p=_number(nullable=True),
        over_static_mean_p=_number(nullable=True),
    ),
    "regimes": _schema(
        ["study", "quantity"],
        study=_text(),
        source_texts=_number(),
        target_texts=_number(),
        quantity=_text(),
        value=_number(nullable=True),
        low=_number(nullable=True),
        high=_number(nullable=True),
        difference=_number(nullable=True),
        difference_p=_number(nullable=True),
    ),
    "generalisation": _schema(
        ["study", "selector", "metric"],
        study=_text(),
        selector=_text(),
        metric=_text(),
        value=_number(nullable=True),
        low=_number(nullable=True),
        high=_number(nullable=True),
        random=_number(nullable=True),
        over_random_p=_number(nullable=True),
        over_static_mean_p=_number(nullable=True),
    ),
    "recommendations": _schema(
        ["target", "source"],
        target=_text(),
        rank=_count(),
        source=pa.Column(str),
        recommended=_flag(),
        **{name: _share(nullable=True) for name in ("predicted_f1", "predicted_low", "predicted_high")},
        validation_f1=_share(nullable=True),
        test_f1=_share(nullable=True),
        gain=_number(nullable=True),
    ),
    "anytime": _schema(
        ["order", "accounting", "share_of_time"],
        accounting=pa.Column(str, pa.Check.isin(["paper", "all_inclusive"])),
        **_ANYTIME,
    ),
    "carried_anytime": _schema(["study", "order", "share_of_time"], study=_text(), **_ANYTIME),
}
