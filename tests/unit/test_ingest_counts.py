"""Official counts into RAW: each file a vintage, none of them twice, and the account of each exact."""

import gzip
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.admission import open_admission
from flows.erasure_requests import list_rejects
from flows.errors import EpilakeError, RefusedBatchError, UnknownHeaderError, UnreadableFileError
from flows.ingest import find_new_batches, record_batches, staging_folder
from flows.ingest_counts import load_counts, read_counts
from flows.lake.contracts import BATCHES, OFFICIAL_COUNTS, REJECTS
from flows.lake.purge import delete_before
from flows.lake.tables import create_missing_tables, query
from flows.official.places import PLACELESS
from flows.settings import Settings

JHU = "country,date,confirmed_cum,deaths_cum,confirmed_new,deaths_new"
ITALY = ("Italy,2020-03-01,5,0,1,0", "Italy,2020-03-02,7,1,2,1")
Ingest = Callable[..., dict[str, int]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    create_missing_tables(settings)
    return settings


@pytest.fixture
def ingest(settings: Settings) -> Ingest:
    """The flow's tasks in the flow's order, without a server."""

    def ingest(*paths: Path, is_killed: bool = False) -> dict[str, int]:
        admission = open_admission(settings)
        with staging_folder(settings) as staging:
            batches = find_new_batches.fn(settings, [str(path) for path in paths])
            read = [
                read_counts.fn(settings, admission, batch, staging / str(at) / "all")
                for at, batch in enumerate(batches)
            ]
            loaded = load_counts.fn(settings, read, staging) if read else []
            if is_killed:
                return {}
            rows = [each.batch.to_row(source=each.dataset, flow_run_id="test", **admission.stamps) for each in loaded]
            record_batches.fn(settings, rows)
        counts = Counter[str]()
        for row in rows:
            counts.update({name: row[f"count_{name}"] for name in ("records", "accepted", "duplicates", "rejected")})
        return dict(counts)

    return ingest


def count(settings: Settings, table: str = OFFICIAL_COUNTS.name) -> int:
    return int(query(settings, table, "select count(*) as n from rows")[0]["n"])


def write(path: Path, *lines: str) -> Path:
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def test_the_account_of_a_batch_is_exact_and_its_rejects_are_kept(
    settings: Settings, ingest: Ingest, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", JHU, *ITALY, ITALY[0], "Atlantis,2020-03-01,1,0,1,0", "", ",,,,,")
    assert ingest(file) == {"records": 6, "accepted": 2, "duplicates": 1, "rejected": 3}
    assert count(settings) == 4
    (row,) = query(settings, BATCHES.name, "select * from rows")
    assert (row["source"], row["count_refused"], row["count_notices"], row["count_skipped"]) == ("jhu_csse", 0, 0, 0)
    (found,) = list_rejects(settings, reason="not known", limit=9)
    assert (found["record"], found["source"]) == ("Atlantis,2020-03-01,1,0,1,0\n", "jhu_csse")


def test_the_same_bytes_add_nothing_however_they_are_packed(settings: Settings, ingest: Ingest, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", JHU, *ITALY)
    assert ingest(file)["accepted"] == 2
    assert ingest(file) == {}
    assert ingest(write(tmp_path / "a.csv.gz", JHU, *ITALY)) == {
        "records": 2, "accepted": 0, "duplicates": 2, "rejected": 0,
    }  # fmt: skip
    assert count(settings) == 4


def test_a_later_file_is_a_vintage_beside_the_earlier_one(settings: Settings, ingest: Ingest, tmp_path: Path) -> None:
    early = write(tmp_path / "early.csv", JHU, *ITALY)
    late = write(tmp_path / "late.csv", JHU, "Italy,2020-03-01,4,0,1,0", ITALY[1], "Italy,2020-03-03,6,1,-1,0")
    assert ingest(early, late) == {"records": 5, "accepted": 5, "duplicates": 0, "rejected": 0}
    sql = "select vintage_date, count_cumulative as n from rows where day = '2020-03-01' and measure = 'cases'"
    found = {str(row["vintage_date"]): row["n"] for row in query(settings, OFFICIAL_COUNTS.name, sql)}
    assert found == {"2020-03-02": 5, "2020-03-03": 4}


def test_a_run_that_was_killed_before_it_was_recorded_is_made_whole(
    settings: Settings, ingest: Ingest, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", JHU, *ITALY, "Atlantis,2020-03-01,1,0,1,0")
    ingest(file, is_killed=True)
    assert count(settings, BATCHES.name) == 0
    assert ingest(file) == {"records": 3, "accepted": 2, "duplicates": 0, "rejected": 1}
    assert (count(settings), count(settings, REJECTS.name)) == (4, 1)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        pytest.param(
            [JHU, ITALY[0], *["x,y,1,0,1,0"] * 2],
            RefusedBatchError("2 of 3 records are malformed, more than the 50% allowed"),
            id="mostly malformed",
        ),
        pytest.param(ITALY, UnknownHeaderError("bad.csv.gz: The first record is no header"), id="no header"),
    ],
)
def test_a_bad_file_takes_the_good_one_beside_it_along(
    settings: Settings, ingest: Ingest, tmp_path: Path, lines: list[str], error: EpilakeError
) -> None:
    good = write(tmp_path / "good.csv", JHU, *ITALY)
    with pytest.raises(type(error), match=str(error)):
        ingest(good, write(tmp_path / "bad.csv.gz", *lines))
    assert (count(settings), count(settings, REJECTS.name)) == (0, 0)


def test_a_truncated_gzip_leaves_nothing(settings: Settings, ingest: Ingest, tmp_path: Path) -> None:
    whole = write(tmp_path / "cut.csv.gz", JHU, *(f"Italy,20{year:02}-03-01,{year},0,1,0" for year in range(26)))
    whole.write_bytes(whole.read_bytes()[:-12])
    with pytest.raises(UnreadableFileError, match=r"cut.csv.gz is damaged"):
        ingest(whole)
    assert count(settings) == 0


def test_a_thousand_blank_rows_are_counted_and_refuse_nothing(ingest: Ingest, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", JHU, *ITALY, *[",,,,,"] * 1_000)
    assert ingest(file) == {"records": 1_002, "accepted": 2, "duplicates": 0, "rejected": 1_000}


def test_the_policys_retention_of_posts_leaves_official_counts_alone(
    settings: Settings, ingest: Ingest, tmp_path: Path
) -> None:
    ingest(write(tmp_path / "a.csv", JHU, *ITALY))
    assert delete_before(settings, OFFICIAL_COUNTS.name, datetime(2090, 1, 1, tzinfo=UTC)) == 0
    assert count(settings) == 4


def test_the_real_files_come_in_whole(settings: Settings, ingest: Ingest, real_data: Path) -> None:
    cases = real_data / "cases"
    whole = {"duplicates": 0, "rejected": 0}
    jhu = cases / "derived_jhu_country_day_2020-01-22_2021-12-31.csv.gz"
    states = cases / "covid_tracking_project_all_states_history.csv.gz"
    assert ingest(jhu) == {"records": 142_710, "accepted": 142_710, **whole}
    assert ingest(states) == {"records": 20_780, "accepted": 20_780, **whole}
    negative = "count(*) filter (where count_new < 0) as negative"
    sql = f"select dataset, measure, count(*) as n, {negative} from rows group by 1, 2 order by 1, 2"
    assert [tuple(row.values()) for row in query(settings, OFFICIAL_COUNTS.name, sql)] == [
        ("covid_tracking_project", "cases", 20_780, 24),
        ("covid_tracking_project", "deaths", 20_780, 73),
        ("covid_tracking_project", "hospitalized", 20_780, 88),
        ("covid_tracking_project", "tests", 20_780, 49),
        ("jhu_csse", "cases", 142_710, 86),
        ("jhu_csse", "deaths", 142_710, 108),
    ]
    placeless = "select distinct place from rows where place_id is null"
    assert {row["place"] for row in query(settings, OFFICIAL_COUNTS.name, placeless)} == set(PLACELESS)
    ids = "select count(distinct place_id) as ids, count(distinct place) as places from rows"
    ids = f"{ids} where place_id is not null group by dataset order by 1"
    assert [tuple(row.values()) for row in query(settings, OFFICIAL_COUNTS.name, ids)] == [(56, 56), (197, 197)]
