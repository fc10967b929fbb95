"""What Python writes to a table without Spark."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flows.lake.contracts import FLOW_RUNS
from flows.lake.tables import append_rows, create_missing_tables, open_table, query
from flows.settings import Settings

RUN = {"flow_name": "ingest", "state": "failed", "changed_at": datetime(2026, 1, 1, tzinfo=UTC), "message": None}


def test_a_column_may_be_described_in_better_words_without_refusing_the_tables_of_before(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    create_missing_tables(settings)
    described = {
        field.name: field.metadata["comment"] for field in open_table(settings, FLOW_RUNS.name).schema().fields
    }
    assert described == {column.name: column.meaning for column in FLOW_RUNS.columns}

    reworded = replace(FLOW_RUNS, columns=tuple(replace(column, meaning="Other.") for column in FLOW_RUNS.columns))
    append_rows(settings, FLOW_RUNS, [{"flow_run_id": "1", **RUN}])
    append_rows(settings, reworded, [{"flow_run_id": "2", **RUN}])
    assert [row["flow_run_id"] for row in query(settings, FLOW_RUNS.name, "select * from rows order by 1")] == [
        "1",
        "2",
    ]
