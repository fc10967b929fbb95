"""What the service takes and answers, as its OpenAPI document tells it."""

from typing import Any, Final

from pydantic import BaseModel, Field

from flows.serve.scoring import EXAMPLE, SOURCE


class Prediction(BaseModel):
    """The answer of one post: its probability, or the reason for which it has none."""

    record_number: int = Field(description="Place of the post in the request, from 1.")
    post_id: str | None = Field(description="Id of the post as the lake has it; null if refused.")
    retweet_probability: float | None = Field(description="Probability that it is retweeted, in [0, 1].")
    is_retweet_expected: bool | None = Field(description="Whether the probability lies above 0.5.")
    reason: str | None = Field(description="Why the post is refused, by the rules of ingest; null if it is scored.")
    model_name: str = Field(description="Registered model.")
    model_version: int = Field(description="Version of it that answered.")


class Predictions(BaseModel):
    """The answers of a request, in the order of its posts."""

    predictions: list[Prediction]


class Problem(BaseModel):
    """Why a request is not answered."""

    detail: str


class Standing(BaseModel):
    """How the service stands."""

    status: str
    model_version: int | None = Field(description="Version that answers; null as long as none is in production.")


V1: Final = {
    "id_str": "1340539111971516416",
    "created_at": "Sun Dec 20 06:06:44 +0000 2020",
    "full_text": "Third day of fever",
    "user": {"id_str": "7", "screen_name": "ana", "followers_count": 405, "verified": False},
}
V2: Final = {
    "data": [{"id": "1340539111971516416", "author_id": "7", "created_at": "2020-12-20T06:06:44Z", "text": "Fever"}],
    "includes": {"users": [{"id": "7", "username": "ana", "public_metrics": {"followers_count": 405}}]},
}
ROW: Final = {
    "title": "Row",
    "type": "object",
    "required": ["user_name", "date", "text"],
    "properties": {field.name: {"description": field.meaning} for field in SOURCE.fields},
}
"""A post by the names of the CSV files; of values of any type, for what a value must be is the boundary's to say."""
BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [ROW, {"type": "object"}, {"type": "array", "items": {"anyOf": [ROW, {}]}}]},
                "examples": {
                    "row": {"summary": "One post by the names of the CSV files", "value": EXAMPLE},
                    "article": {
                        "summary": "Posts as the article's run(raw_data) takes them",
                        "value": {"data": [EXAMPLE]},
                    },
                    "v1": {"summary": "Tweets of API v1.1", "value": [V1]},
                    "v2": {"summary": "A page of API v2", "value": V2},
                },
            }
        },
    }
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": Problem, "description": meaning}
    for code, meaning in {
        400: "The body is no JSON of posts",
        401: "No token, or a wrong one",
        408: "The body did not come in time",
        413: "The body, or the number of posts, is too large",
        415: "The body is not application/json, or is compressed",
        429: "Too many requests wait: come again after Retry-After seconds",
        503: "No model is in production, or it took too long",
    }.items()
}
