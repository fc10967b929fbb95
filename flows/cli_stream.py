"""Commands of `epilake` for what arrives without end: a broker, publishing, the stream."""

from pathlib import Path
from typing import Annotated

import typer

from flows.command import AsJson, SourceName, errors_in_a_sentence, run_flow
from flows.settings import Settings

streams = typer.Typer()
kafka = typer.Typer(help="A broker on this machine.", no_args_is_help=True)
streams.add_typer(kafka, name="kafka")

Topic = Annotated[str, typer.Option(help="Kafka's topic.")]


@kafka.command("up")
def kafka_up(
    port: Annotated[int | None, typer.Option(help="Port; none: that of the last time, else a free one.")] = None,
) -> None:
    """Start a Kafka broker of one node; Ctrl-C stops it, its data stay."""
    with errors_in_a_sentence():
        from flows.streaming.broker import serve_broker

        serve_broker(Settings(), port=port, announce=lambda line: print(line, flush=True))  # noqa: T201


@streams.command()
def publish(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or patterns; - is standard input.")],
    *,
    topic: Topic = "posts",
    source: SourceName = "twitter",
    rate: Annotated[float, typer.Option(help="Records a second; 0: as fast as Kafka takes them.", min=0)] = 0,
    ledger: Annotated[Path | None, typer.Option(help="File to write every message's partition and offset to.")] = None,
    partitions: Annotated[int, typer.Option(help="Partitions of a topic that is made.", min=1)] = 2,
    as_json: AsJson = False,
) -> None:
    """Replay files of posts into a topic of Kafka, a message per record."""

    def call() -> object:
        from flows.publish import publish as flow

        return flow(
            [str(path) for path in paths], topic, source, rate=rate, ledger=str(ledger or ""), partitions=partitions
        )

    with errors_in_a_sentence():
        from flows.sources.known import check_input

        check_input([str(path) for path in paths], source)
    run_flow(call, as_json=as_json, start_spark=False)


@streams.command()
def stream(
    *,
    topic: Topic = "posts",
    source: SourceName = "twitter",
    available_now: Annotated[bool, typer.Option(help="End when what is there now has been read.")] = False,
    accept_loss: Annotated[bool, typer.Option(help="Go on where Kafka lost messages that were never read.")] = False,
    score: Annotated[bool, typer.Option(help="Find language and sentiment, and score, at once.")] = True,
    as_json: AsJson = False,
) -> None:
    """Bring a topic's posts into RAW as they arrive, with language, sentiment and prediction; Ctrl-C ends it."""

    def call() -> object:
        from flows.stream import stream as flow

        return flow(topic, source, available_now=available_now, accept_loss=accept_loss, score=score)

    run_flow(call, as_json=as_json)
