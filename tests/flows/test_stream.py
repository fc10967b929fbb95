"""Files published to a real broker and streamed into a lake: the same tables as the batch path makes."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.errors import EpilakeError
from flows.ingest import ingest
from flows.lake.tables import query
from flows.promotions import open_registry
from flows.publish import Ledger, Record, publish, send_all
from flows.sample import write_sample
from flows.settings import Settings
from flows.stream import stream
from flows.streaming import scores
from flows.streaming.client import ensure_topic, open_admin
from flows.streaming.place import only_one
from tests.conftest import SAMPLE_POSTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
POSTS = int(os.environ.get(SAMPLE_POSTS, "2000"))
"""How many posts go both ways."""
POST = {"id": "1", "created_at": "2020-07-25T12:27:21.000Z", "text": "flu", "author_id": "7"}
CAPTURES = "select post_id, record_hash, posted_at, author_key, text, user_location, hashtags, rescued from rows"

ALL = "select post_id from rows"
TWICE = "select post_id from rows group by post_id having count(distinct ingested_at) > 1"
"""What came in two micro-batches was scored by what the first one knew, and is not scored again."""
COMPARED = {
    "enriched.post_languages": "source, post_id, posted_date, text_hash, method_version, language, language_score",
    "enriched.post_sentiment": "source, post_id, text_hash, language, negative_sentiment, compound_sentiment",
    "curated.curated_posts": "source, post_id, posted_at, text_hash, author_id, user_followers, count_captures",
    "refined.refined_retweet_features": "source, post_id, author_id, posted_at, text, language, client_name, "
    "user_location, user_created_at, hashtags, user_followers, positive_sentiment, negative_sentiment, was_retweeted",
    "scored.retweet_predictions": "source, post_id, posted_date, model_version, retweet_probability",
}
"""What both ways must make alike: but for times and batches."""


def rows_of(settings: Settings, table: str, sql: str) -> list[tuple[object, ...]]:
    return sorted((tuple(row.values()) for row in query(settings, table, sql)), key=str)


def send(settings: Settings, topic: str, values: list[bytes], partitions: int = 1) -> None:
    ensure_topic(open_admin(settings), topic, partitions)
    send_all(settings, topic, "twitter", (Record(value) for value in values), Ledger())


def test_the_same_posts_by_file_and_by_topic_are_the_same_rows(
    broker: str, make_home: Callable[[str], Path], move_to: Callable[[Path], Settings], tmp_path: Path
) -> None:
    manifest = write_sample(tmp_path / "sample", posts=POSTS, days=20, seed=3)
    batch = move_to(make_home("by-file"))
    ingest([str(tmp_path / "sample")])
    by_file = rows_of(batch, "raw.twitter_posts", CAPTURES)
    refused = "select reason, count(*) as n from rows group by reason"
    rejects = rows_of(batch, "raw.rejects", refused)

    settings = move_to(make_home("by-topic"))
    ledger = tmp_path / "ledger.csv"
    publish([str(tmp_path / "sample")], "same", ledger=str(ledger))
    counts = stream("same", available_now=True)

    assert rows_of(settings, "raw.twitter_posts", CAPTURES) == by_file
    assert rows_of(settings, "raw.rejects", refused) == rejects
    sent = [line.split(",") for line in ledger.read_text().splitlines()]
    assert len(sent) == counts["count_records"] == manifest.expected.records
    places = {(f"kafka:same:{partition}", int(offset)) for partition, offset, _ in sent}
    held = "select file_name, byte_offset from rows"
    found = rows_of(settings, "raw.twitter_posts", held) + rows_of(settings, "raw.rejects", held)
    assert len(found) == len(set(found))
    assert set(found) <= places
    assert len(places) - len(found) == counts["count_duplicates"]
    assert stream("same", available_now=True)["count_records"] == 0


def test_a_hundredth_of_poison_is_in_rejects_with_its_offset(broker: str, empty_lake: Settings) -> None:
    def tweet(number: int) -> bytes:
        return json.dumps({**POST, "id": str(10**15 + number), "text": f"flu {number}"}).encode()

    draws = random.Random(11)
    bad = [
        tweet(1)[:-9], b'{"id": "5", "text": "never ends', tweet(2).replace(b"flu", b"fl\xfc"), b"", b"\x00\x01",
        tweet(3).replace(b'"1000000000000003"', b"1.00e15"), tweet(4).replace(b'"flu 4"', b"null"), b"x" * 1_000_000,
    ]  # fmt: skip
    poison = {at: draws.choice(bad) for at in draws.sample(range(3_000), 30)}
    send(empty_lake, "poison", [poison.get(at, tweet(at)) for at in range(3_000)])
    stream("poison", available_now=True, score=False)
    rejects = query(empty_lake, "raw.rejects", "select file_name, byte_offset from rows")
    assert {(row["file_name"], row["byte_offset"]) for row in rejects} == {("kafka:poison:0", at) for at in poison}
    assert len(rejects) == len(poison)
    good = query(empty_lake, "raw.twitter_posts", "select byte_offset from rows")
    assert sorted(row["byte_offset"] for row in good) == [at for at in range(3_000) if at not in poison]
    (batch,) = query(empty_lake, "ops.batches", "select * from rows")
    assert (batch["count_records"], batch["count_accepted"], batch["count_rejected"]) == (3_000, 2_970, 30)


def test_messages_that_retention_deleted_are_an_error_and_no_skip(broker: str, empty_lake: Settings) -> None:
    from confluent_kafka import TopicPartition

    posts = [json.dumps({**POST, "id": str(10**15 + at)}).encode() for at in range(30)]
    send(empty_lake, "lossy", posts[:10])
    stream("lossy", available_now=True, score=False)
    send(empty_lake, "lossy", posts[10:20])
    admin, gone = open_admin(empty_lake), TopicPartition("lossy", 0, 15)
    admin.delete_records([gone])[gone].result()
    for _ in range(2):
        with pytest.raises(EpilakeError, match=r"5 messages of 'lossy' are gone .*partition 0: offsets 10 to 14"):
            stream("lossy", available_now=True, score=False)
    stream("lossy", available_now=True, accept_loss=True, score=False)
    assert len(query(empty_lake, "raw.twitter_posts", "select 1 from rows")) == 15
    send(empty_lake, "lossy", posts[20:])
    stream("lossy", available_now=True, score=False)
    assert len(query(empty_lake, "raw.twitter_posts", "select 1 from rows")) == 25


def test_a_lost_checkpoint_is_made_anew_where_the_lake_ends(broker: str, empty_lake: Settings) -> None:
    posts = [json.dumps({**POST, "id": str(10**15 + at)}).encode() for at in range(20)]
    send(empty_lake, "anew", [*posts[:12], b"{"])
    stream("anew", available_now=True, score=False)
    shutil.rmtree(empty_lake.checkpoints / "anew")
    send(empty_lake, "anew", posts[12:])
    assert stream("anew", available_now=True, score=False)["count_records"] == 8
    assert len(query(empty_lake, "raw.twitter_posts", "select 1 from rows")) == 20
    assert len(query(empty_lake, "raw.rejects", "select 1 from rows")) == 1


def test_a_topic_has_one_stream_into_a_lake(broker: str, empty_lake: Settings) -> None:
    send(empty_lake, "taken", [json.dumps(POST).encode()])
    with only_one(empty_lake, "taken"), pytest.raises(EpilakeError, match="Another stream reads 'taken'"):
        stream("taken", available_now=True, score=False)
    assert stream("taken", available_now=True, score=False)["count_records"] == 1


def test_a_promotion_under_the_stream_is_noticed(
    sample_home: Path,
    tmp_path: Path,
    move_to: Callable[[Path], Settings],
    spark: "SparkSession",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = move_to(shutil.copytree(sample_home, tmp_path / "home"))
    monkeypatch.setattr(scores, "LOOK_SECONDS", 0.0)
    scorer, registry = scores.Scorer(spark, settings), open_registry(settings)
    first = scorer.find_model()
    assert first
    client = registry.connect()
    held = client.get_model_version(registry.model_name, str(first.version))
    made = client.create_model_version(registry.model_name, held.source, run_id=held.run_id, tags=dict(held.tags))
    assert scorer.find_model() is first
    registry.set_alias(scores.ALIAS, int(made.version))
    second = scorer.find_model()
    assert second
    assert second.version == int(made.version) != first.version


def test_what_the_stream_scored_dbt_and_the_batch_path_agree_with(
    broker: str,
    sample_home: Path,
    sample_folder: tuple[Path, object],
    make_home: Callable[[str], Path],
    move_to: Callable[[Path], Settings],
) -> None:
    from flows.build import build
    from flows.enrich import enrich
    from flows.score import score

    batch = move_to(sample_home)
    settings = move_to(make_home("scored-by-stream"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EPILAKE_MLFLOW_TRACKING_URI", batch.tracking_uri)
        publish([str(sample_folder[0])], "scored")
        assert stream("scored", available_now=True)["count_scored"] == len(
            rows_of(batch, "scored.retweet_predictions", ALL)
        )
        build("tag:curated")
        found = enrich()
        assert (found["count_language"], found["count_sentiment"]) == (0, 0)
        build("tag:refined")
        assert score()["count_scored"] == 0
    late = {row["post_id"] for row in query(settings, "raw.twitter_posts", TWICE)}
    for table, names in COMPARED.items():
        chosen = f"select {names} from rows"
        streamed, loaded = (rows_of(lake, table, chosen) for lake in (settings, batch))
        if table.startswith("scored."):
            assert [row[:2] for row in streamed] == [row[:2] for row in loaded]
            streamed, loaded = ([row for row in rows if row[1] not in late] for rows in (streamed, loaded))
        assert streamed == loaded, table
