"""Every table that notebooks hand to each other is described once, and checked when it is written and read."""

import pandas as pd
import pytest

from lib.errors import InputError
from lib.storage.schemas import SCHEMAS, describe, row_of
from lib.storage.tables import read_table, write_table
from lib.storage.writers import WRITERS
from lib.study.files import ROOT

PUBLISHED = sorted((ROOT / "figures").glob("*/tables/*.parquet"))


def test_every_published_table_fits_its_schema_and_every_column_is_described():
    unpublished = {
        "candidates", "recommendations", "recipes", "recipe_scores", "target_sizes", "target_size_gains",
        "repeatability", "reseeded", "left_out",
        *WRITERS["14_task_types"],
    }  # fmt: skip
    assert set(SCHEMAS) - unpublished <= {path.stem for path in PUBLISHED} <= set(SCHEMAS)
    for path in PUBLISHED:
        table = read_table(path.parent, path.stem)
        assert row_of(path.stem)
        assert all(describe(path.stem, column) for column in table.columns), path


def test_every_schema_describes_its_rows_and_columns():
    for name, schema in SCHEMAS.items():
        assert schema.description and all(column.description for column in schema.columns.values()), name
        assert set(schema.unique) <= set(schema.columns), name


def test_what_nobody_described_is_refused():
    assert "[CLS]" in describe("conductance", "cls_share_l12")
    for table, column in (("tasks", "phi"), ("conductance", "cls_share_lx"), ("unknown", "task")):
        with pytest.raises(KeyError):
            describe(table, column)


def cooccurrence(**changes) -> pd.DataFrame:
    return pd.DataFrame({"source": ["a", "b"], "target": ["b", "a"], "phi": [0.5, 0.5]} | changes)


def test_a_table_is_read_as_it_was_written(tmp_path):
    write_table(tmp_path, "cooccurrence", cooccurrence())
    pd.testing.assert_frame_equal(read_table(tmp_path, "cooccurrence"), cooccurrence())


@pytest.mark.parametrize(
    "changes", [{"phi": ["x", "y"]}, {"source": ["a", "a"], "target": ["b", "b"]}, {"source": [None, "b"]}]
)
def test_a_table_with_wrong_values_is_neither_written_nor_read(tmp_path, changes):
    wrong = cooccurrence(**changes)
    with pytest.raises(InputError, match="table 'cooccurrence'"):
        write_table(tmp_path, "cooccurrence", wrong)
    assert not list(tmp_path.iterdir())
    wrong.to_parquet(tmp_path / "cooccurrence.parquet")
    with pytest.raises(InputError, match="table 'cooccurrence'"):
        read_table(tmp_path, "cooccurrence")


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(InputError, match="phi"):
        write_table(tmp_path, "cooccurrence", cooccurrence().drop(columns="phi"))
