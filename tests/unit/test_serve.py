"""The service as its clients meet it: what it answers, what it refuses, and what it never says."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.model import MODEL_NAME
from tests.unit.serving import FEW, MANY, POST, TOKEN, Served, serving, wait_for


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Served]:
    with serving(home, serve_timeout_seconds=2, serve_max_body_bytes=300_000, serve_max_posts=50) as served:
        yield served


def v1(followers: int, **changed: Any) -> dict[str, Any]:
    user = {"id_str": "7", "screen_name": "quillon", "followers_count": followers}
    moment = "Sun Dec 20 06:06:44 +0000 2020"
    return {"id_str": "1340539111971516416", "created_at": moment, "full_text": "flu", "user": user} | changed


V2 = {
    "data": [{"id": "1340539111971516416", "author_id": "7", "created_at": "2020-12-20T06:06:44Z", "text": "flu"}],
    "includes": {"users": [{"id": "7", "username": "quillon", "public_metrics": {"followers_count": 5_000}}]},
}


@pytest.mark.parametrize(
    ("body", "probabilities"),
    [
        (POST, [FEW]),
        ([POST, POST | {"user_followers": 5_000}], [FEW, MANY]),
        ({"data": [POST | {"user_followers": 5_000}, POST]}, [MANY, FEW]),
        (v1(5_000), [MANY]),
        ({"statuses": [v1(1), v1(5_000)]}, [FEW, MANY]),
        ({"data": [v1(1), v1(5_000)]}, [FEW, MANY]),
        (V2, [MANY]),
        ([V2, POST], [MANY, FEW]),
        ({**V2, "data": V2["data"][0]}, [MANY]),
        ([], []),
    ],
    ids=[
        "row",
        "rows",
        "article",
        "v1",
        "v1 page",
        "v1 in data",
        "v2 page",
        "page and row",
        "v2 post",
        "none",
    ],
)
def test_posts_are_scored_however_their_source_spells_them(
    served: Served, body: object, probabilities: list[float]
) -> None:
    answer = served.ask(body)
    assert answer.status_code == 200, answer.text
    found = answer.json()["predictions"]
    assert [each["retweet_probability"] for each in found] == probabilities
    assert [each["is_retweet_expected"] for each in found] == [each > 0.5 for each in probabilities]
    assert [each["record_number"] for each in found] == list(range(1, len(probabilities) + 1))
    assert {(each["model_name"], each["model_version"], each["reason"]) for each in found} <= {(MODEL_NAME, 1, None)}


def test_each_refused_post_has_its_reason_and_the_others_their_score(served: Served) -> None:
    posts = [
        POST,
        POST | {"text": ""},
        POST | {"date": "yesterday"},
        POST | {"user_followers": "many"},
        POST | {"text": "=SUM(A1)"},
        POST | {"text": "x" * 25_001},
        POST | {"user_protected": True},
        POST | {"user_description": "!" * 25_001},
        {"temperature": 21},
        {"delete": {"status": {"id_str": "7"}}},
        {"limit": {"track": 7}},
        POST | {"date": "2999-01-01 00:00:00"},
        POST | {"text": "half \ud83d of a pair"},
        POST | {"user_followers": 1.5},
        7,
        POST | {"user_followers": 5_000},
    ]
    answer = served.ask(None, content=json.dumps(posts).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    found = answer.json()["predictions"]
    assert [each["record_number"] for each in found] == list(range(1, len(posts) + 1))
    reasons = [each["reason"] for each in found]
    assert reasons == [
        None,
        "id is missing; text is missing",
        "date is not a timestamp",
        "user_followers is not a whole number",
        "text holds a spreadsheet formula",
        "text is longer than 25,000 characters",
        "account protected",
        "user_description is longer than 25,000 characters",
        "not a tweet of a known shape",
        "a delete notice, no post",
        "holds no post",
        "date lies in the future",
        "holds half of a surrogate pair",
        "user_followers is not a whole number",
        "not a JSON object",
        None,
    ]
    assert [each["retweet_probability"] is None for each in found] == [reason is not None for reason in reasons]


DEEP = b"[" * 100_000 + b"]" * 100_000
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"{}", {"Authorization": ""}, 401),
        (b"{}", {"Authorization": "Bearer wrong"}, 401),
        (b"{}", {"Authorization": f"Bearer {TOKEN}x"}, 401),
        (b"{}", {"Authorization": f"Basic {TOKEN}"}, 401),
        (b"{}", {"Authorization": "Bearer é".encode("latin-1")}, 401),
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"null", {}, 400),
        (b'"x"', {}, 400),
        (b'{"text": NaN}', {}, 400),
        (b'{"text": 1e999}', {}, 200),
        (b'{"text": ' + b"9" * 10_000 + b"}", {}, 200),
        (b"\xff\xfe{}", {}, 400),
        (b"{}{}", {}, 400),
        (b"user_name,date,text\n", {}, 400),
        (DEEP, {}, 400),
        (b'{"a":' * 40 + b"1" + b"}" * 40, {}, 400),
        (b"[" + b"{}," * 99_999 + b"{}]", {}, 413),
        (b'{"data": [' + b"7," * 50 + b"7]}", {}, 413),
        (b'[{"data": [' + b"{}," * 30 + b'{}]}, {"data": [' + b"{}," * 30 + b"{}]}]", {}, 413),
        (b" " * 10_000_000, {}, 413),
        (b"{}", {"Content-Type": "text/csv"}, 415),
        (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"\x1f\x8b", {"Content-Encoding": "gzip"}, 415),
        (b'{"a": 1, "a": 2}', {}, 200),
        (json.dumps({"model_name": "another", "model_version": 9, **POST}).encode(), {}, 200),
    ],
    ids=lambda value: None if isinstance(value, int) else repr(value)[:24],
)
def test_a_hostile_request_gets_its_code_and_a_sentence(
    served: Served, content: bytes, headers: dict[str, Any], code: int
) -> None:
    with httpx.Client(base_url=served.url, timeout=30, trust_env=False) as client:
        sent = {name: value for name, value in (HEADERS | headers).items() if value}
        answer = client.post("/score", content=content, headers=sent)
    assert answer.status_code == code, answer.text
    said = answer.json()
    assert "Traceback" not in answer.text
    if code == 200:
        assert {each["model_name"] for each in said["predictions"]} == {MODEL_NAME}
        assert {each["model_version"] for each in said["predictions"]} == {1}
    else:
        assert set(said) == {"detail"}
        assert said["detail"].endswith(".")
        assert TOKEN not in answer.text


def test_what_a_page_includes_is_not_kept_a_thousand_times(home: Path) -> None:
    tweets = [{"id": str(at), "author_id": "7", "created_at": "2020-12-20T06:06:44Z", "text": "a"} for at in range(400)]
    page = {"data": tweets, "includes": {"users": [{"id": "7", "username": "q", "url": "x" * 1_000_000}]}}
    with serving(home) as served:
        assert served.ask(page).status_code == served.ask([page]).status_code == 413
        assert served.ask(page | {"data": tweets[:100]}).status_code == 200


def test_a_body_without_a_length_is_cut_off_at_the_limit(served: Served) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(1_000):
            yield b" " * 10_000

    with served.client() as client:
        try:
            answer = client.post("/score", content=pieces(), headers={"Content-Type": "application/json"})
        except (httpx.WriteError, httpx.RemoteProtocolError):  # hung up on, before all was sent
            return
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: -1",
        "Content-Length: 1, 2",
        "Content-Length: x",
        "Transfer-Encoding: gzip, chunked\r\nContent-Length: 2",
    ],
)
def test_a_malformed_head_is_refused(served: Served, head: str) -> None:
    fields = ["Host: x", "Content-Type: application/json", f"Authorization: Bearer {TOKEN}", head]
    request = "\r\n".join(["POST /score HTTP/1.1", *fields, "", "{}"])
    code = int(served.talk(request.encode()).split()[1])
    assert 400 <= code < 500 or code == 501


def test_only_scores_and_counters_ask_for_the_token(served: Served) -> None:
    with served.client(token=None) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/health").json() == {"status": "up", "model_version": 1}
        assert client.get("/ready").json() == {"status": "ready", "model_version": 1}
        assert client.get("/score").status_code == 405
        assert client.get("/docs").status_code == 404
        spoken = client.get("/openapi.json").json()
    assert spoken["paths"]["/score"]["post"]["security"] == [{"HTTPBearer": []}]
    assert "article" in spoken["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["examples"]


def test_the_examples_of_the_documentation_are_scored(served: Served) -> None:
    with served.client() as client:
        content = client.get("/openapi.json").json()["paths"]["/score"]["post"]["requestBody"]["content"]
        for example in content["application/json"]["examples"].values():
            answer = client.post("/score", json=example["value"])
            assert [each["reason"] for each in answer.json()["predictions"]] == [None]


def test_requests_and_posts_are_counted(served: Served) -> None:
    def count() -> dict[str, float]:
        lines = served.read_metrics().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    before = count()
    served.ask([POST, {"temperature": 21}])
    after = count()
    for name, more in {
        'epilake_serve_requests_total{code="200",path="/score"}': 1,
        'epilake_serve_posts_total{outcome="scored"}': 1,
        'epilake_serve_posts_total{outcome="refused"}': 1,
        "epilake_serve_request_seconds_count": 1,
    }.items():
        assert after[name] - before.get(name, 0) == more
    assert after["epilake_serve_model_version"] == 1
    assert after["epilake_serve_waiting"] == 0


def test_a_slow_client_is_hung_up_on_and_holds_up_nobody(served: Served) -> None:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    whole = head + f"Authorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n".encode()
    with ThreadPoolExecutor(40) as pool:
        heads = [pool.submit(served.talk, head) for _ in range(20)]
        bodies = [pool.submit(served.talk, whole + b'{"text":') for _ in range(20)]
        assert served.ask(POST).status_code == 200
        assert {each.result() for each in heads} == {b""}
        assert {each.result().split()[1] for each in bodies} == {b"408"}


def test_a_head_that_drips_is_hung_up_on(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=0.1) as connection:

        def is_hung_up_on() -> bool:
            try:
                connection.sendall(b"G")
                return connection.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        wait_for(is_hung_up_on)


def test_nothing_of_a_request_is_kept_or_logged(served: Served, home: Path) -> None:
    for post in (POST, POST | {"text": "=zebrafinch()"}, POST | {"user_name": 7, "text": {"zebrafinch": [1]}}):
        assert served.ask(post).status_code == 200
    served.ask(None, content=b'{"zebrafinch', headers={"Content-Type": "application/json"})
    served.talk(b"zebrafinch\r\n\r\n")
    for file in home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"zebrafinch" not in content, file
            assert b"Vantongeren" not in content, file
            assert TOKEN.encode() not in content, file
