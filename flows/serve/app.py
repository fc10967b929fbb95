"""The scorer behind HTTP: who may ask, how much, how long it may take, and what is counted.

One thread scores, the event loop does the rest: a slow client costs a socket, no more. A request that would wait behind
too many others is told to come again. An error is answered with its kind and logged with the lines of code it passed;
nothing that came with a request is ever logged.
"""

import asyncio
import hmac
import logging
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.errors import NoModelYetError
from flows.serve.desk import RETRY, Desk, Meters
from flows.serve.documents import BODY, PROBLEMS, Predictions, Standing
from flows.serve.limits import OversizedRequestError, UnreadableRequestError
from flows.serve.scoring import Scorer
from flows.settings import Settings

LOG: Final = logging.getLogger("epilake.serve")
JSON: Final = "application/json"
CODES: Final[dict[type[Exception], int]] = {
    UnreadableRequestError: 400,
    OversizedRequestError: 413,
    NoModelYetError: 503,
}
"""What `Scorer.run` refuses → the code of the answer."""
PATHS: Final = ("/score", "/health", "/ready", "/metrics", "/openapi.json")


@dataclass(frozen=True)
class Service:
    """What the routes share."""

    settings: Settings
    scorer: Scorer
    meters: Meters
    desk: Desk


def make_app(settings: Settings, scorer: Scorer) -> FastAPI:
    """Make the application.

    Args:
        settings: Its limits; with a token, requests for scores and metrics must show it.
        scorer: What answers. What is in production is looked up every `serve_alias_seconds`.
    """
    meters = Meters()
    service = Service(settings, scorer, meters, Desk(scorer, settings, meters))
    app = FastAPI(
        title="Epilake scores",
        version=version("epilake"),
        description="How likely posts are to be retweeted, by the model in production.",
        lifespan=watching,
        docs_url=None,  # its pages would ask another host for their scripts
        redoc_url=None,
    )
    app.state.service = service
    app.include_router(routes)
    for kind, code in CODES.items():
        app.add_exception_handler(kind, partial(refuse, code))
    app.add_middleware(Counted, meters=meters, desk=service.desk)
    return app


@asynccontextmanager
async def watching(app: FastAPI) -> AsyncIterator[None]:
    """Watch the alias while the application runs."""
    service: Service = app.state.service
    task = asyncio.create_task(watch_alias(service))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    service.desk.close()


def service_of(request: Request) -> Service:
    """Return what the routes share."""
    service: Service = request.app.state.service
    return service


BEARER: Final = HTTPBearer(auto_error=False, description="EPILAKE_SERVE_TOKEN of the service.")
Served = Annotated[Service, Depends(service_of)]


def check_token(service: Served, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
    """Refuse a request that does not show the token, if there is one; how long it takes tells nothing of it."""
    wanted = service.settings.serve_token.get_secret_value()
    if wanted and not hmac.compare_digest((shown.credentials if shown else "").encode(), wanted.encode()):
        raise HTTPException(401, "Show the service's token as a bearer token.", {"WWW-Authenticate": "Bearer"})


routes: Final = APIRouter()


@routes.post(
    "/score",
    response_model=Predictions,
    responses=PROBLEMS,
    openapi_extra=BODY,
    dependencies=[Depends(check_token)],
)
async def score(request: Request, service: Served) -> Response:
    """Answer each post with its probability, or with the reason for which it is refused."""
    check_kind(request)
    content = await read_body(request, service.settings)
    if service.desk.is_full:
        return come_again()
    answers = await service.desk.answer(content)
    for outcome, number in count_outcomes(answers).items():
        service.meters.posts.labels(outcome).inc(number)
    return Response(orjson.dumps({"predictions": answers}), media_type=JSON)


@routes.get("/health", response_model=Standing)
async def health(service: Served) -> Standing:
    """Say that the process answers."""
    return Standing(status="up", model_version=service.scorer.version)


@routes.get("/ready", response_model=Standing, responses={503: {"model": Standing, "description": "No model yet"}})
async def ready(response: Response, service: Served) -> Standing:
    """Say whether posts can be scored."""
    version_now = service.scorer.version
    response.status_code = 200 if version_now else 503
    return Standing(status="ready" if version_now else "no model in production", model_version=version_now)


@routes.get(
    "/metrics",
    dependencies=[Depends(check_token)],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, 401: PROBLEMS[401]},
)
async def metrics(service: Served) -> Response:
    """Give the counters to Prometheus."""
    service.meters.version.set(service.scorer.version or 0)
    return Response(generate_latest(service.meters.registry), media_type=CONTENT_TYPE_LATEST)


class Counted:
    """Counts each answer, turns away what there is no room for, and answers for what breaks."""

    def __init__(self, app: ASGIApp, meters: Meters, desk: Desk) -> None:
        """Stand before an application."""
        self._app, self._meters, self._desk = app, meters, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, codes = time.perf_counter(), list[int]()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                codes.append(message["status"])
            await send(message)

        try:
            is_full = scope["path"] == "/score" and self._desk.is_full  # said before anything else is looked at
            await (come_again() if is_full else self._app)(scope, receive, note)
        except ClientDisconnect:
            codes.append(499)
        except Exception as error:
            log_error(error)
            if not codes:
                await problem(500, "An error of the service; its log has the place.")(scope, receive, note)
        path = scope["path"] if scope["path"] in PATHS else "other"
        self._meters.requests.labels(path, codes[0] if codes else 500).inc()
        if path == "/score":
            self._meters.seconds.observe(time.perf_counter() - began)


async def watch_alias(service: Service) -> None:
    """Look again and again at what is in production, beside the requests."""
    scorer, meters = service.scorer, service.meters
    while True:
        try:
            if await asyncio.to_thread(scorer.refresh):
                meters.reloads.labels("loaded").inc()
                LOG.warning("version %s answers now", scorer.version)
        except Exception as error:  # of whatever kind: the version that is loaded goes on answering
            meters.reloads.labels("failed").inc()
            log_error(error)
        await asyncio.sleep(service.settings.serve_alias_seconds)


def check_kind(request: Request) -> None:
    """Refuse a body that is not plain JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "Send application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "Send the body as it is, not compressed.")


async def read_body(request: Request, settings: Settings) -> bytes:
    """Read a body that is neither too long nor too slow."""
    longest = settings.serve_max_body_bytes
    too_long = HTTPException(413, f"The body is longer than {longest:,} bytes.", {"Connection": "close"})
    if int(request.headers.get("content-length", 0)) > longest:
        raise too_long
    content = bytearray()
    try:
        async with asyncio.timeout(settings.serve_timeout_seconds):
            async for piece in request.stream():
                content += piece
                if len(content) > longest:
                    raise too_long
    except TimeoutError:
        raise HTTPException(408, "The body did not come in time.", {"Connection": "close"}) from None
    return bytes(content)


def count_outcomes(answers: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many posts were scored and how many refused.

    >>> count_outcomes([{"reason": None}, {"reason": "text is missing"}])
    {'scored': 1, 'refused': 1}
    """
    scored = sum(answer["reason"] is None for answer in answers)
    return {"scored": scored, "refused": len(answers) - scored}


def come_again() -> Response:
    """Return the answer to a request for which there is no room."""
    return problem(429, "Too many requests wait: come again shortly.", RETRY)


async def refuse(code: int, _: Request, error: Exception) -> Response:
    """Answer with what an error of ours says; its sentence holds nothing of the request."""
    return problem(code, str(error))


def problem(code: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer that says why there is no other."""
    return Response(orjson.dumps({"detail": detail}), code, headers, media_type=JSON)


def log_error(error: BaseException) -> None:
    """Log an error by its kind and the lines of code that it passed: its message may hold what came with a request."""
    LOG.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
