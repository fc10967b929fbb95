"""`epilake …`: parse, make the settings, call a flow. No logic.

Exit codes: 0 done; 1 refused or failed, with one sentence that says why and what to do; 2 a wrong command line;
130 interrupted.
"""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli_care import care
from flows.cli_evaluate import evaluate
from flows.cli_models import models
from flows.cli_stream import streams
from flows.command import AsJson, SourceName, errors_in_a_sentence, run_flow
from flows.settings import PROJECT_ROOT, Settings

app = typer.Typer(
    help="Public posts to an epidemic signal. All state lies under EPILAKE_HOME (default: .epilake).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(care)
app.add_typer(evaluate, name="evaluate")
app.add_typer(models)
app.add_typer(streams)

Paths = Annotated[
    list[Path] | None, typer.Argument(help="Files, folders or patterns; - is standard input.", show_default=False)
]


@app.command()
def run(paths: Paths = None, *, source: SourceName = "twitter", as_json: AsJson = False) -> None:
    """Run every stage: posts to predictions. Without a path: go on from what the lake holds."""

    def call() -> object:
        from flows.pipeline import pipeline

        return pipeline(_names(paths), source)

    _check_input(paths, source)
    run_flow(call, as_json=as_json)


@app.command()
def ingest(
    paths: Paths = None,
    fill: Annotated[
        list[str] | None,
        typer.Option(help="FIELD=VALUE for posts that lack it, such as subreddit=Boston.", show_default=False),
    ] = None,
    *,
    source: SourceName = "twitter",
    as_json: AsJson = False,
) -> None:
    """Bring files of posts into RAW."""

    def call() -> object:
        from flows.ingest import ingest as flow

        return flow(_names(paths), source, fill)

    _check_input(paths, source, fill)
    run_flow(call, as_json=as_json, start_spark=False)


@app.command()
def counts(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or patterns; - is standard input.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Bring files of official case counts into RAW: JHU CSSE by country, COVID Tracking Project by state."""

    def call() -> object:
        from flows.ingest_counts import ingest_counts as flow

        return flow(_names(paths))

    with errors_in_a_sentence():
        from flows.sources.files import expand_paths

        expand_paths(_names(paths), what="official counts")
    run_flow(call, as_json=as_json, start_spark=False)


@app.command()
def build(
    select: Annotated[str, typer.Option(help="dbt's selection, such as tag:curated.")] = "",
    *,
    retry: Annotated[bool, typer.Option(help="Only what failed or was skipped in the last build.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build and test CURATED and REFINED with dbt."""

    def call() -> object:
        from flows.build import build as flow

        return flow(select, retry=retry)

    run_flow(call, as_json=as_json)


@app.command()
def enrich(*, as_json: AsJson = False) -> None:
    """Find out language, topics and sentiment of the posts of which they are not known yet."""

    def call() -> object:
        from flows.enrich import enrich as flow

        return flow()

    run_flow(call, as_json=as_json)


@app.command()
def train(
    extra_feature: Annotated[
        list[str] | None, typer.Option(help="A column to learn from beside the candidate's.", show_default=False)
    ] = None,
    *,
    candidate: Annotated[
        str, typer.Option(help="article, tree, boosted, logistic, sklearn; auto: by size, its limits searched for.")
    ] = "tree",
    reproduce: Annotated[
        int | None, typer.Option(help="Fit a version again as recorded, and compare.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train, register and judge a retweet model, or fit a version again."""

    def call() -> object:
        if reproduce is not None:
            from flows.reproduce import reproduce as again

            return again(reproduce)
        from flows.train import train as flow

        return flow(extra_feature or [], candidate)

    run_flow(call, as_json=as_json)


@app.command()
def score(
    alias: Annotated[str, typer.Option(help="Alias of the model in the registry.")] = "production",
    *,
    as_json: AsJson = False,
) -> None:
    """Score the posts that the model behind an alias has not scored yet."""

    def call() -> object:
        from flows.score import score as flow

        return flow(alias)

    run_flow(call, as_json=as_json)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where to write the files and their manifest.")] = Path("sample"),
    posts: Annotated[int, typer.Option(help="Number of posts.", min=100)] = 6_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.", min=0)] = 1,
    days: Annotated[int, typer.Option(help="Days that the posts span.", min=14)] = 60,
    *,
    plant: Annotated[str, typer.Option(help="Drift to plant: languages, followers or labels.")] = "",
    plant_day: Annotated[int | None, typer.Option(help="Its first day, from 0; none: the second half.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write invented posts with a planted outbreak, outage, duplicates and malformed records."""
    from flows.console import counted
    from flows.sample import write_sample

    with errors_in_a_sentence(), counted("Writing posts", posts) as advance:
        manifest = write_sample(
            folder, posts=posts, seed=seed, days=days, plant=plant, plant_day=plant_day, on_progress=advance
        )
        print(manifest.to_json() if as_json else f"{posts:,} posts and manifest.json in {folder}")  # noqa: T201


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show tables, batches, refused records, models and runs."""
    from rich.console import Console

    from flows.status import read_status, to_json, to_page

    with errors_in_a_sentence():
        found = read_status(Settings())
        if as_json:
            print(to_json(found))  # noqa: T201
        else:
            Console().print(*to_page(found), sep="\n")


@app.command()
def setup() -> None:
    """Prepare the installation once: jars, databases, class archive. `make install` does it."""
    with errors_in_a_sentence():
        from flows.setup import set_up

        set_up(Settings(), announce=lambda line: print(line, flush=True))  # noqa: T201


@app.command()
def up(
    prefect_port: Annotated[int | None, typer.Option(help="Port of Prefect; none: a free one.")] = None,
    mlflow_port: Annotated[int | None, typer.Option(help="Port of MLflow; none: a free one.")] = None,
) -> None:
    """Start Prefect's server and worker, MLflow and the deployments; Ctrl-C stops them."""
    with errors_in_a_sentence():
        from flows.lake.jars import resolve_jars
        from flows.servers import serve_all

        settings = Settings()
        resolve_jars(settings)
        serve_all(
            settings,
            announce=lambda line: print(line, flush=True),  # noqa: T201
            prefect_port=prefect_port,
            mlflow_port=mlflow_port,
            project=PROJECT_ROOT,
        )


def _check_input(paths: list[Path] | None, source: str, fill: list[str] | None = None) -> None:
    with errors_in_a_sentence():
        from flows.sources.fill import read_fill
        from flows.sources.known import check_input, find_source

        check_input(_names(paths), source)
        read_fill(find_source(source), fill or [])


def _names(paths: list[Path] | None) -> list[str]:
    return [str(path) for path in paths or []]


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
