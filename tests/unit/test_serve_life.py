"""The service over its life: overload, promotion, a stop, and who may ask."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flows.settings import Settings
from ml.registry import PRODUCTION
from tests.unit.registered import register
from tests.unit.serving import FEW, MANY, POST, serving, wait_for


def test_too_many_requests_are_told_to_come_again_and_later_ones_are_answered(home: Path) -> None:
    body = [POST | {"text": f"{at} " + "fever and flu " * 700} for at in range(60)]
    with serving(home, serve_max_waiting=2, serve_max_posts=100) as served, ThreadPoolExecutor(16) as pool:
        answers = [each.result() for each in [pool.submit(served.ask, body) for _ in range(32)]]
        codes = {answer.status_code for answer in answers}
        assert codes == {200, 429}
        assert {answer.headers["Retry-After"] for answer in answers if answer.status_code == 429} == {"1"}
        assert [served.ask(POST).status_code for _ in range(20)] == [200] * 20


def test_a_promotion_under_load_fails_no_request_and_later_answers_are_the_new_versions(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = register(settings, few=0.1, many=0.2)
    with serving(tmp_path) as served:
        told = threading.Event()
        answers: list[tuple[int, int, float]] = []

        def load() -> None:
            with served.client() as client:
                while not told.is_set():
                    answer = client.post("/score", json=[POST] * 3)
                    found = answer.json()["predictions"]
                    assert len({each["model_version"] for each in found}) == 1  # never two in one answer
                    answers.append((answer.status_code, found[0]["model_version"], found[0]["retweet_probability"]))

        with ThreadPoolExecutor(4) as pool:
            loads = [pool.submit(load) for _ in range(4)]
            second = register(settings, few=0.8, many=0.9)
            wait_for(lambda: bool(answers) and answers[-1][1] == second)
            third = register(settings, few=0.3, many=0.4)
            wait_for(lambda: answers[-1][1] == third)
            told.set()
            for each in loads:
                each.result()
    assert {code for code, _, _ in answers} == {200}
    assert {(version, score) for _, version, score in answers} == {(first, 0.1), (second, 0.8), (third, 0.3)}


def test_a_version_that_was_tampered_with_is_not_loaded_and_the_old_one_goes_on(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = register(settings, few=FEW, many=MANY)
    second = register(settings, few=0.8, many=0.9, in_production=False)
    newest = max(tmp_path.rglob("predictor.json"), key=lambda file: file.stat().st_mtime_ns)
    newest.write_text(newest.read_text().replace("0.8", "0.9"))
    with serving(tmp_path) as served:
        from flows.promotions import open_registry

        open_registry(settings).set_alias(PRODUCTION, second)
        failed = 'epilake_serve_reloads_total{outcome="failed"}'
        wait_for(lambda: failed in served.read_metrics())
        assert served.ask(POST).json()["predictions"][0]["model_version"] == first
        assert "ModelTamperedError" in served.output.read_text()
        with served.client() as client:
            assert client.get("/ready").status_code == 200


def test_without_a_model_it_waits_for_one(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with serving(tmp_path) as served, served.client() as client:
        assert client.get("/health").json() == {"status": "up", "model_version": None}
        assert client.get("/ready").status_code == 503
        assert client.post("/score", json=POST).status_code == 503
        register(settings, few=FEW, many=MANY)
        wait_for(lambda: client.get("/ready").status_code == 200)
        assert client.post("/score", json=POST).json()["predictions"][0]["retweet_probability"] == FEW


def test_told_to_stop_it_answers_what_runs_and_ends_well(home: Path) -> None:
    body = [POST | {"text": f"{at} " + "fever and flu " * 700} for at in range(100)]
    with serving(home, serve_max_posts=100) as served, ThreadPoolExecutor(1) as pool:
        running = pool.submit(served.ask, body)
        wait_for(lambda: "epilake_serve_waiting 1.0" in served.read_metrics())
        assert served.stop() == 0
        assert running.result().status_code == 200


def test_without_a_token_only_this_machine_by_its_own_name_may_ask(home: Path) -> None:
    with serving(home, "--no-token", serve_token="") as served, served.client(token=None) as client:
        assert client.post("/score", json=POST).status_code == 200
        assert client.post("/score", json=POST, headers={"Host": "evil.example"}).status_code == 400
