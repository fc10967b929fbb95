"""The article's scoring script: `init()` loads what is in production, `run(raw_data)` answers posts with scores.

A post goes the way of ingest: read by its source, checked at the boundary, protected by the policy, made features of.
It is answered where ingest would write it, and what ingest would refuse is answered with the reason. No JVM is started.
"""

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import orjson

from flows.admission import Admission, open_admission
from flows.errors import EpilakeError, NoModelYetError
from flows.privacy.protect import author_keys, refusals
from flows.promotions import open_registry
from flows.raw_features import raw_features
from flows.serve.limits import Limits, OversizedRequestError, check_json, too_many
from flows.settings import Settings
from flows.sources import Chunk, Draft, Reject
from flows.sources.boundary import check_draft, list_values
from flows.sources.twitter import Twitter
from ml.evaluation import PROBABILITY, THRESHOLD
from ml.model import EXPECTED, MODEL_NAME
from ml.registry import PRODUCTION

if TYPE_CHECKING:
    import pyarrow as pa

    from ml.registry import LightModel, Registry

SOURCE: Final = Twitter()
"""The one source whose posts have the model's features."""
ADMISSION_SECONDS: Final = 60.0
"""How old may be what is known of who is shut out."""

EXAMPLE: Final[dict[str, Any]] = {
    "user_name": "Ana",
    "user_location": "Lima",
    "user_created": "2009-04-08 17:52:46",
    "user_followers": 405,
    "user_friends": 1692,
    "user_favourites": 3247,
    "user_verified": False,
    "date": "2020-12-20 06:06:44",
    "text": "Third day of fever, the whole ward has the flu #flu",
    "hashtags": "['flu']",
    "source": "Twitter for Android",
}
"""A post by the names of the CSV files: what a model is tried on before it answers."""

Answer = dict[str, Any]
"""One post's answer: `record_number` from 1, then `post_id`, the probability and what is expected of it, or `reason`;
the other ones are null. Always `model_name` and `model_version`."""


class UnusableModelError(EpilakeError):
    """What is in production says nothing that can be passed on."""


class Scorer:
    """The model in production, which may change between two requests, and all that a post passes on its way to it."""

    def __init__(self, settings: Settings) -> None:
        """Read policy, secret and who is shut out; the model is loaded by `refresh`.

        Raises:
            EpilakeError: There is no such policy, or the secret is not the lake's.
        """
        self._settings = settings
        self._registry: Registry = open_registry(settings)
        self._admission: Admission = open_admission(settings)
        self._admitted_at = time.monotonic()
        self._limits = Limits(settings.serve_max_posts, settings.serve_max_text_characters, settings.serve_max_nesting)
        self._model: LightModel | None = None

    @property
    def version(self) -> int | None:
        """The version that answers; None as long as none is in production."""
        return self._model.version if self._model else None

    def refresh(self) -> bool:
        """Load what is in production now, if that is another version; return whether it was.

        Requests that run go on with the model that they began with. If the new one cannot be loaded, or none is in
        production any more, the one that is loaded stays.

        Raises:
            EpilakeError: The secret is not the lake's.
            UnsafeModelError: The files of the version are not those that were registered.
            PredictorError: This release cannot score it.
            UnusableModelError: It gives no probability.
        """
        if time.monotonic() - self._admitted_at > ADMISSION_SECONDS:
            self._admission, self._admitted_at = open_admission(self._settings), time.monotonic()
        found = self._registry.find_version(PRODUCTION)
        if found is None or found == self.version:
            return False
        loaded = self._registry.load_light(PRODUCTION)
        [answer] = self._score(loaded, orjson.dumps(EXAMPLE))  # what is loaded at the first post is loaded now
        if not 0 <= answer[PROBABILITY] <= 1:
            raise UnusableModelError(f"Version {loaded.version} does not answer with a probability: promote another.")
        self._model = loaded
        return True

    def run(self, raw_data: str | bytes) -> list[Answer]:
        """Answer every post of a request, in order.

        Args:
            raw_data: JSON: one post, a list of them, a page of the API, or `{"data": [...]}`.

        Raises:
            NoModelYetError: No version is in production.
            UnreadableRequestError: It is no JSON of that kind.
            OversizedRequestError: It holds too many posts.
        """
        model = self._model
        if model is None:
            raise NoModelYetError("No model is in production yet: run `epilake train`, or `epilake promote`.")
        content = raw_data.encode() if isinstance(raw_data, str) else raw_data
        return self._score(model, content)

    def _score(self, model: "LightModel", content: bytes) -> list[Answer]:
        check_json(content, self._limits)
        stamp = {"model_name": MODEL_NAME, "model_version": model.version}
        answers = [answer for draft in self._read(content) for answer in self._answer(model, draft)]
        return [{**answer, **stamp} for answer in sorted(answers, key=lambda answer: answer["record_number"])]

    def _read(self, content: bytes) -> Iterator[Draft]:
        """Yield the posts in drafts; one draft holds all that a request may hold."""
        drafts = list(islice(SOURCE.parse(io.BytesIO(content), chunk_records=self._limits.posts), 2))
        if len(drafts) > 1:
            raise OversizedRequestError(too_many(self._limits))
        yield from drafts

    def _answer(self, model: "LightModel", draft: Draft) -> Iterator[Answer]:
        draft = self._shorten(draft)
        now, admission = datetime.now(UTC), self._admission
        chunk = check_draft(SOURCE.fields, draft, now=now, key=admission.secret.record_key)
        for reject in chunk.rejects:
            yield refuse(reject.record_number, reject.reason)
        for notice in chunk.notices:
            yield refuse(notice.record_number, "a delete notice, no post")
        if chunk.count_skipped:
            yield from (refuse(number, "holds no post") for number in find_skipped(chunk))
        rows = admission.admit(SOURCE, Chunk(chunk.rows)).rows
        if rows.num_rows < chunk.rows.num_rows:
            yield from refuse_by_policy(admission, chunk.rows)
        if rows.num_rows:
            yield from predict(model, rows)

    def _shorten(self, draft: Draft) -> Draft:
        """Move the posts of which a field is too long to be looked at while others wait to the rejects."""
        import pyarrow as pa

        longest = self._limits.text_characters
        reasons: dict[int, str] = {}
        for field in SOURCE.fields:
            for at, value in enumerate(list_values(draft.rows[field.name])):
                if value and len(value) > longest:
                    reasons.setdefault(at, f"{field.name} is longer than {longest:,} characters")
        if not reasons:
            return draft
        numbers = draft.rows["record_number"].to_pylist()
        refused = [Reject(numbers[at], 0, reason, b"") for at, reason in reasons.items()]
        kept = [at for at in range(draft.rows.num_rows) if at not in reasons]
        rows = draft.rows.take(pa.array(kept, pa.int64()))
        return replace(
            draft,
            rows=rows,
            record_bytes=lambda at: draft.record_bytes(kept[at]),
            rejects=[*draft.rejects, *refused],
        )


def refuse_by_policy(admission: Admission, rows: "pa.Table") -> Iterator[Answer]:
    """Yield the answers of the rows that the policy does not let in."""
    import pyarrow as pa

    keyed = rows.append_column("author_key", pa.array(author_keys(SOURCE, rows, admission.secret), pa.string()))
    reasons = refusals(admission.policy, SOURCE, keyed, admission.secret, admission.shut_out)
    for number, reason in zip(rows["record_number"].to_pylist(), reasons, strict=True):
        if reason:
            yield refuse(number, reason)


def predict(model: "LightModel", rows: "pa.Table") -> Iterator[Answer]:
    """Yield the answer of each row that the policy has let in."""
    features = raw_features(SOURCE.name, rows)
    columns = {
        name: (features[name].cast("int64") if name.endswith("_at") else features[name]).to_pylist()
        for name in model.predictor.reads
    }
    probabilities = model.predictor.predict(columns).tolist()
    numbers, ids = rows["record_number"].to_pylist(), rows["post_id"].to_pylist()
    for number, post_id, probability in zip(numbers, ids, probabilities, strict=True):
        scored = {PROBABILITY: probability, EXPECTED: probability > THRESHOLD}
        yield {"record_number": number, "post_id": post_id, **scored, "reason": None}


def refuse(record_number: int, reason: str) -> Answer:
    """Return the answer of a record that is not scored."""
    return {"record_number": record_number, "post_id": None, PROBABILITY: None, EXPECTED: None, "reason": reason}


def find_skipped(chunk: Chunk) -> list[int]:
    """Return the numbers of the records that carried nothing, of a chunk that holds all records of a request."""
    known = {*chunk.rows["record_number"].to_pylist()}
    known |= {reject.record_number for reject in chunk.rejects} | {notice.record_number for notice in chunk.notices}
    return [number for number in range(1, len(known) + chunk.count_skipped + 1) if number not in known]


_STATE: dict[str, Scorer] = {}


def init() -> None:
    """Load what is in production, by alias and with its hash checked, for the `run` of this module.

    Raises:
        NoModelYetError: No version is in production.
    """
    scorer = Scorer(Settings())
    scorer.refresh()
    if scorer.version is None:
        raise NoModelYetError("No model is in production yet: run `epilake train`, or `epilake promote`.")
    _STATE["scorer"] = scorer


def run(raw_data: str | bytes) -> str:
    """Answer the posts of a JSON document with a JSON document, as the service does; see `Scorer.run`."""
    return orjson.dumps({"predictions": _STATE["scorer"].run(raw_data)}).decode()
