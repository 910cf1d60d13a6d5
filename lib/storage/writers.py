"""Which notebook writes which table, so that an error about a missing table can say what to run."""

WRITERS = {
    "01_data_decomposition": ("tasks", "left_out", "cooccurrence", "estimate"),
    "02_single_task_training": ("singles", "representations"),
    "03_transfer_grid": (
        "runs", "pairs", "step_matched", "reseeded", "rivals", "rival_scores", "checkpoints", "transfer_matrix", "choices",
        "repeatability",
    ),
    "04_conductance": (
        "conductance", "tradeoff", "ansat", "signed_similarity", "feature_extraction", "selectors", "selector_costs",
    ),
    "06_regression": ("predictions", "regression_scores", "ablations", "importance"),
    "07_time_saving_analysis": ("anytime",),
    "08_selectors": ("selector_metrics",),
    "09_data_regimes": ("regimes",),
    "10_generalisation": ("generalisation", "carried_anytime"),
    "11_recommendations": ("candidates", "recommendations"),
    "12_recipes": ("recipes", "recipe_scores"),
    "13_target_sizes": ("target_sizes", "target_size_gains"),
    "14_task_types": (
        "type_tasks", "type_models", "type_selectors", "type_gains", "type_matrix", "type_starts", "type_selector_ranks",
    ),
}  # fmt: skip


def writer_of(table: str) -> str:
    """The name of the notebook that writes a table."""
    return next(notebook for notebook, tables in WRITERS.items() if table in tables)
