"""Commands of `epilake` for whoever answers for the data: collect, topics, coverage, rejects, erase, maintain."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from flows.command import AsJson, SourceName, errors_in_a_sentence, run_flow
from flows.settings import Settings

care = typer.Typer()
topics = typer.Typer(help="What is watched for.", no_args_is_help=True)
care.add_typer(topics, name="topics")


@care.command()
def collect(
    source: Annotated[str, typer.Option("--source", help="Live source to ask: bluesky, feeds, mastodon, …")],
    *,
    minutes: Annotated[float, typer.Option(help="How long a stream is listened to.", min=0.01)] = 10.0,
    publish: Annotated[str, typer.Option(help="Topic of Kafka to send them to, instead of RAW.")] = "",
    as_json: AsJson = False,
) -> None:
    """Bring posts about the topics from a live source into RAW, or into a topic of Kafka."""

    def call() -> object:
        from flows.collect import collect as flow

        return flow(source, minutes, publish)

    run_flow(call, as_json=as_json, start_spark=False)


@topics.command("check")
def check_topics(
    path: Annotated[Path | None, typer.Argument(help="Topic file; none: the one in the settings.")] = None,
    *,
    days: Annotated[int, typer.Option(help="How far back recent posts are looked at.", min=1)] = 7,
    as_json: AsJson = False,
) -> None:
    """Say what each source would be asked, what it cannot express, and how many recent posts match."""
    with errors_in_a_sentence():
        from flows.watch import describe_topics, to_lines

        found = describe_topics(_open(), path, days=days)
        print(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(to_lines(found)))  # noqa: T201


@care.command()
def coverage(
    source: SourceName,
    topic: Annotated[str, typer.Option(help="Name of the topic.")],
    *,
    hours: Annotated[int, typer.Option(help="How many hours back.", min=1)] = 24,
    as_json: AsJson = False,
) -> None:
    """Show what was heard of a source, hour by hour: posts, nobody posted, an outage, not asked."""
    with errors_in_a_sentence():
        from flows.coverage_ledger import read_hours

        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        found = read_hours(_open(), source, topic, end - timedelta(hours=hours), end)
        if as_json:
            print(json.dumps([vars(hour) for hour in found], default=str))  # noqa: T201
        else:
            for hour in found:
                told = f"{hour.begins_at:%Y-%m-%d %H:%M}  {hour.state:<15} {hour.count_captured:>8,}  {hour.reason}"
                print(told.rstrip())  # noqa: T201


@care.command()
def rejects(
    reason: Annotated[str, typer.Option(help="Only those whose reason holds this.")] = "",
    *,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """Show refused records with their reasons and bytes, unsealed with the installation's secret."""
    with errors_in_a_sentence():
        from flows.erasure_requests import list_rejects

        for row in list_rejects(_open(), reason=reason, limit=limit):
            place = f"{row['file_name']}, record {row['record_number']} at byte {row['byte_offset']}"
            line = json.dumps(row, default=str, ensure_ascii=False)
            print(line if as_json else f"{place}: {row['reason']}\n    {row['record']}")  # noqa: T201


@care.command()
def erase(
    *,
    source: SourceName = "twitter",
    author: Annotated[str, typer.Option(help="Id, handle or name of whoever asks to be forgotten.")] = "",
    post: Annotated[str, typer.Option(help="Id of the post.")] = "",
    as_json: AsJson = False,
) -> None:
    """Erase an author or a post from every layer, or, without either, carry out what is pending; print a receipt."""
    with errors_in_a_sentence():
        from flows.erasure_requests import request_erasure

        if author or post:
            noted = request_erasure(_open(), source=source, post=post or None, author=author or None)
            print(f"noted; removed at once: {json.dumps(noted)}", file=sys.stderr)  # noqa: T201

    def call() -> object:
        from flows.erase import erase as flow

        return flow()

    run_flow(call, as_json=as_json)


@care.command()
def maintain(*, as_json: AsJson = False) -> None:
    """Delete what is older than the privacy policy's retention, and join small files."""

    def call() -> object:
        from flows.maintain import maintain as flow

        return flow()

    run_flow(call, as_json=as_json)


def _open() -> Settings:
    """Return the settings of an installation that has every table, empty if nothing was done yet."""
    from flows.lake.tables import create_missing_tables

    settings = Settings()
    create_missing_tables(settings)
    return settings


@care.command()
def replay(
    into: Annotated[Path, typer.Argument(help="Folder of the new installation; nothing may be there.")],
    as_of: Annotated[datetime, typer.Option(help="Moment in UTC: what was published last by then is rebuilt.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Rebuild posts, counts and predictions as they were published, and compare them with what was.

    What is erased later is erased from this installation only: remove the new one when you have seen it.
    """

    def call() -> object:
        from flows.replay import replay as flow

        return flow(as_of.replace(tzinfo=UTC), str(into))

    run_flow(call, as_json=as_json)
