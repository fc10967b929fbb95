"""Real tweets, posts of Reddit and official counts in one lake: each source adds up, and the README joins them.

Counts alone are compared, so that no failure prints a post; see `test_real_data.py`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.lake.tables import query
from flows.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

TWEETS = "gpreda_covid19_tweets.head9031.original_format.truncated.csv.gz"
SUBREDDITS = {
    "alabama_comments.2019-12-31_2020-04-18.csv.gz": ["subreddit=Alabama"],
    "colorado_comments.2019-12-31_2020-04-18.csv.gz": ["subreddit=Colorado"],
    "Boston_posts.2019-12-31_2020-04.csv.gz": None,
}
"""File → what is known of it: comments do not say where they stand, submissions do."""
SERIES = ("topic_hours", "topic_days", "topic_weeks", "sentiment_days")


@pytest.fixture(scope="module")
def both_sources(
    real_data: Path, make_home: Callable[[str], Path], move_to: Callable[[Path], Settings]
) -> tuple[Settings, dict[str, int]]:
    """A built lake with tweets, the three Reddit files and both official counts; and source → its distinct posts."""
    from flows.ingest import ingest
    from flows.ingest_counts import ingest_counts
    from flows.pipeline import build_features

    settings = move_to(make_home("both-sources"))
    ingest([str(real_data / "tweets" / TWEETS)])
    for file, fill in SUBREDDITS.items():
        ingest([str(real_data / "reddit" / file)], "reddit", fill)
    ingest_counts([str(path) for path in sorted((real_data / "cases").glob("*.csv.gz"))])
    build_features({})
    posts = query(settings, "curated.curated_posts", "select source, count(*) as n from rows group by 1")
    return settings, {row["source"]: row["n"] for row in posts}


def test_every_series_adds_up_by_source(
    both_sources: tuple[Settings, dict[str, int]], move_to: Callable[[Path], Settings], spark: "SparkSession"
) -> None:
    settings, expected = both_sources
    move_to(settings.home)
    assert expected == {"reddit": 40_153, "twitter": 9_031}
    for table in SERIES:
        whole = "count_posts" if table.startswith("sentiment") else "if(topic = 'all', expected_posts, 0)"
        found = spark.sql(f"select source, sum({whole}) as n from refined.refined_{table} group by 1")
        assert {row["source"]: int(row["n"]) for row in found.collect()} == expected, table


def test_the_readmes_query_joins_posts_of_states_with_their_cases(
    both_sources: tuple[Settings, dict[str, int]], move_to: Callable[[Path], Settings], spark: "SparkSession"
) -> None:
    move_to(both_sources[0].home)
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    (sql,) = re.findall(r"```sql\n(.*?)```", readme, re.DOTALL)
    told = spark.sql(sql).collect()
    assert {row["region_id"] for row in told if row["source"] == "reddit"} == {"US-AL", "US-CO", "US-MA"}
    assert len({row["region_id"] for row in told if row["source"] == "twitter"}) > 20
    assert {row["epiweek"] for row in told if row["source"] == "twitter"} == {"2020-W30"}
    counted = {
        (row["region_id"], str(row["week"])): row["n"]
        for row in spark.sql("""
            select
                case lower(community) when 'alabama' then 'US-AL' when 'colorado' then 'US-CO' else 'US-MA' end
                    as region_id,
                date_sub(posted_date, dayofweek(posted_date) - 1) as week,
                count(*) as n
            from curated.curated_posts where lower(community) in ('alabama', 'boston', 'colorado') group by 1, 2
        """).collect()
    }
    weeks = spark.table("refined.refined_official_weeks").where("level = 'state' and measure = 'cases'").collect()
    cases = {(row["place_id"], row["epiweek"]): (row["count_new"], str(row["epiweek_start"])) for row in weeks}
    for row in told:
        count_new, start = cases[row["region_id"], row["epiweek"]]
        assert row["cases"] == count_new
        assert row["source"] == "twitter" or row["posts"] == counted.pop((row["region_id"], start))
    # what is left is of weeks before a state reported
    first = {place: min(start for (state, _), (_, start) in cases.items() if state == place) for place, _ in counted}
    assert all(week < first[place] for place, week in counted)
