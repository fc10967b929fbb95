"""Commands of `epilake` for the life of a model: promote, rollback, monitor, retrain, serve."""

from typing import Annotated

import typer

from flows.command import AsJson, errors_in_a_sentence, run_flow
from flows.settings import Settings

models = typer.Typer()


@models.command()
def promote(
    *,
    version: Annotated[int | None, typer.Option(help="Version of the model; none: the one on staging.")] = None,
    approve: Annotated[
        bool | None, typer.Option("--approve/--refuse", help="The answer; none: show what waits for one.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who answers.", envvar="USER")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Let a version that passed the gate into production, or refuse it; without an answer, show what waits for one."""
    if approve is None:
        with errors_in_a_sentence():
            from flows.promote import find_waiting

            waiting = find_waiting(Settings(), version)
            print(f"model version {waiting.version} waits for `epilake promote --approve` or `--refuse`:")  # noqa: T201
            for name, _, told in waiting.checks:
                print(f"    {name}: {told}")  # noqa: T201
        return

    def call() -> object:
        from flows.promote import promote as flow

        return flow(version, approve=approve, by=by, reason=reason)

    run_flow(call, as_json=as_json, start_spark=False)


@models.command()
def rollback(*, as_json: AsJson = False) -> None:
    """Bring the model version back that was in production before the present one."""

    def call() -> object:
        from flows.promote import rollback as flow

        return flow()

    run_flow(call, as_json=as_json, start_spark=False)


@models.command()
def monitor(*, as_json: AsJson = False) -> None:
    """Ask whether the model in production is due, its data has drifted, or its predictions are worth less."""

    def call() -> object:
        from flows.monitor import monitor as flow

        return flow()

    run_flow(call, as_json=as_json)


@models.command()
def retrain(*, as_json: AsJson = False) -> None:
    """Build the features, train, let the gate decide, and deploy what it promotes."""

    def call() -> object:
        from flows.retrain import retrain as flow

        return flow()

    run_flow(call, as_json=as_json)


@models.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: a free one.", min=0, max=65_535)] = 8000,
    *,
    no_token: Annotated[bool, typer.Option("--no-token", help="Ask for no token; at 127.0.0.1 only.")] = False,
) -> None:
    """Score posts over HTTP with the model in production; Ctrl-C stops."""
    with errors_in_a_sentence():
        from flows.serve.server import serve as run_server

        run_server(
            Settings(),
            host=host,
            port=port,
            is_open=no_token,
            announce=lambda line: print(line, flush=True),  # noqa: T201
        )
