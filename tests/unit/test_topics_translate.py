"""Requests to the sources: wider than the topic, never narrower, and written as the source wants them."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import EpilakeError
from flows.topics import Asked, Topic, TopicQuery, compile_topic, load_topics, match_topics, translate
from flows.topics.expression import And, Expression, Hashtag, Leaf, Not, Or, Phrase, Synonyms, Term, evaluate
from flows.topics.folding import fold
from flows.topics.leaves import make_pattern
from flows.topics.query import parse_query
from flows.topics.split import MAX_PIECES
from flows.topics.translate import ask_bluesky, ask_mastodon, ask_reddit
from flows.topics.twitter_search import ask_twitter

WORDS = ["flu", "Grippe", "fièvre", "covid-19", "bird", "cold", "shot", "流感", "x_y"]

leaves: st.SearchStrategy[Leaf] = st.one_of(
    st.sampled_from(WORDS).map(Term),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(lambda words: Phrase(" ".join(words))),
    st.sampled_from(["flu", "cold", "Grippé", "流感"]).map(Hashtag),
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    leaves | st.lists(leaves, min_size=1, max_size=3).map(lambda members: Synonyms(tuple(members))),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=16,
)
wanting = expressions.map(lambda part: And((Term("flu"), part)) if evaluate(part, lambda _: False) else part)
topics = st.lists(wanting, min_size=1, max_size=2).map(
    lambda queries: Topic(
        "topic",
        1,
        "A test.",
        tuple(TopicQuery(code, "", query) for code, query in zip(("en", "zh"), queries, strict=False)),
    )
)
texts = st.lists(st.sampled_from([*WORDS, "#flu", "#cold", "#Grippé", "#流感", "bird flu", "nothing"]), max_size=7).map(
    " ".join
)
limits = st.integers(40, 200)


def topic(text: str) -> Topic:
    return Topic("topic", 1, "A test.", (TopicQuery("en", text, parse_query(text)),))


def holds_in(text: str) -> Callable[[Leaf], bool]:
    folded = fold(text)
    return lambda leaf: re.search(make_pattern(leaf), folded) is not None


def is_asked_for(asked: Asked, text: str) -> bool:
    return any(evaluate(expression, holds_in(text)) for expression in asked.expressions)


@given(topics, texts, limits)
def test_every_post_about_a_topic_answers_a_request(topic: Topic, text: str, limit: int) -> None:
    (is_about,) = compile_topic(topic)([text])
    asked = [ask_twitter(topic, limit=limit), ask_reddit(topic, limit=limit), ask_bluesky(topic), ask_mastodon(topic)]
    for answer in asked:
        assert is_asked_for(answer, text) or not is_about or not answer.is_complete, answer
        assert answer.is_complete or answer.source == "mastodon"


@given(topics, texts, st.sampled_from(["en", "zh", "pt", None]))
def test_leaving_out_the_other_languages_loses_no_post_that_is_judged_by_its_language(
    topic: Topic, text: str, language: str | None
) -> None:
    asked = ask_twitter(topic, by_language=True)
    spoken = {"zh": "zh-CN"}.get(language or "", language)
    answers = [
        expression
        for request, expression in zip(asked.requests, asked.expressions, strict=True)
        if not spoken or f"-lang:{spoken}" not in request.split()
    ]
    if match_topics([topic], [text], [language]) == [("topic",)]:
        assert any(evaluate(expression, holds_in(text)) for expression in answers)


@given(topics, texts, limits)
def test_a_request_says_what_its_expression_means_and_fits(topic: Topic, text: str, limit: int) -> None:
    for asked in (ask_twitter(topic, limit=limit), ask_reddit(topic, limit=limit), ask_bluesky(topic)):
        assert len(asked.requests) == len(asked.expressions) > 0
        for request, expression in zip(asked.requests, asked.expressions, strict=True):
            assert evaluate(parse_query(request), holds_in(text)) == evaluate(expression, holds_in(text))
            assert len(request) <= limit or asked.source == "bluesky"
            assert "-(" not in request


@given(topics)
def test_a_source_is_only_told_what_it_understands(topic: Topic) -> None:
    for request in ask_bluesky(topic).requests:
        words = re.sub(r'"[^"]*"', "", request).split()
        assert not [word for word in words if word in {"AND", "OR", "NOT"} or word[0] in "-#("]
    for request in ask_reddit(topic).requests:
        assert not re.search(r"(^|[ (])[-#]|NOT", re.sub(r'"[^"]*"', "", request))
    for tag in ask_mastodon(topic).requests:
        assert re.fullmatch(r"\w+", tag)


@pytest.mark.parametrize(
    ("query", "source", "requests"),
    [
        pytest.param("flu OR grippe", "twitter", ("(flu OR grippe)",), id="X: alternatives"),
        pytest.param("covid-19 #flu", "twitter", ('"covid-19" #flu',), id="X: punctuation in quotes"),
        pytest.param("flu -(shot OR cold)", "twitter", ("flu -shot -cold",), id="X: no negated group"),
        pytest.param('flu -"bird flu"', "twitter", ("flu",), id="X: no negated phrase"),
        pytest.param("flu (cold OR -shot)", "twitter", ("flu",), id="X: no negation alone in an alternative"),
        pytest.param("flu OR FLU OR Flú", "twitter", ("(flu OR Flú)",), id="X: repeated words once"),
        pytest.param('"or" "OR"', "twitter", ('"or"',), id="X: operators as words"),
        pytest.param("(flu OR #grippe) tos -shot", "reddit", ("(flu OR grippe) AND tos",), id="Reddit"),
        pytest.param("fièvre", "reddit", ("(fièvre OR fievre)",), id="Reddit: without diacritics too"),
        pytest.param("(flu OR #grippe) tos -shot", "bluesky", ("flu tos", "grippe tos"), id="Bluesky"),
        pytest.param('(flu OR "bird flu" OR #h5n1) -shot', "mastodon", ("flu", "birdflu", "h5n1"), id="Mastodon"),
        pytest.param("flu", "feeds", (), id="feeds"),
    ],
)
def test_each_source_is_asked_in_its_own_words(query: str, source: str, requests: tuple[str, ...]) -> None:
    assert translate(topic(query), source).requests == requests


@pytest.mark.parametrize(
    ("query", "source", "sentences"),
    [
        pytest.param("flu OR grippe -shot", "twitter", [], id="nothing to say"),
        pytest.param('flu -"bird flu"', "twitter", ['X is not asked to leave out "bird flu"; local'], id="a negation"),
        pytest.param("流感", "twitter", ["X cuts text without spaces by rules of its own"], id="Chinese"),
        pytest.param(
            "流感", "bluesky", ["Bluesky cuts text without", "Bluesky may not find a word inside of #"], id="bluesky"
        ),
        pytest.param("flu", "reddit", ["Reddit searches posts, not comments", "Reddit may not find"], id="comments"),
        pytest.param(
            "flu", "mastodon", ["Mastodon streams hashtags: a post that says the same without"], id="no hashtag"
        ),
        pytest.param("#flu -cold", "mastodon", [], id="hashtags alone are complete"),
        pytest.param("flu", "feeds", ["Feeds take no query"], id="feeds"),
    ],
)
def test_what_a_source_cannot_express_is_said(query: str, source: str, sentences: list[str]) -> None:
    said = translate(topic(query), source).cannot_express
    assert [sentence[: len(expected)] for sentence, expected in zip(said, sentences, strict=True)] == sentences


def test_a_long_list_becomes_several_requests_that_hold_every_word() -> None:
    words = [f"word{number}" for number in range(300)]
    asked = ask_twitter(topic(" OR ".join(words)))
    assert len(asked.requests) == 7
    assert re.findall(r"word\d+", " ".join(asked.requests)) == words
    assert asked.cannot_express == ()


def test_a_product_that_takes_too_many_requests_is_asked_for_without_its_longest_part() -> None:
    group = "(" + " OR ".join(f"word{number}" for number in range(300)) + ")"
    asked = ask_twitter(topic(f"flu {group} {group.replace('word', 'term')}"))
    assert 1 < len(asked.requests) <= MAX_PIECES
    assert asked.cannot_express[0].startswith(
        "X is asked without these parts, which would take too many requests: term0 OR"
    )
    assert len(ask_bluesky(topic(f"flu {group}")).requests) == 1


def test_words_that_are_too_many_for_one_request_are_asked_for_in_part() -> None:
    asked = ask_twitter(topic("flu influenza grippe -shot"), limit=14)
    assert asked.requests == ("flu grippe",)
    assert "-shot, influenza" in asked.cannot_express[0]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" ".join(f"(a{n} OR b{n})" for n in range(600)), id="a product of hundreds"),
        pytest.param(" ".join(f"w{n}" for n in range(1_700)), id="a conjunction of thousands"),
        pytest.param(" OR ".join(f"w{n}" for n in range(1_000)), id="alternatives by the thousand"),
        pytest.param("flu " + " ".join(f"-w{n}" for n in range(1_400)), id="thousands left out"),
        pytest.param("(a OR b (" * 15 + "c" + "))" * 15, id="as deep as can be"),
    ],
)
def test_no_query_is_too_much(text: str) -> None:
    asked_about = topic(text)
    for source in ("twitter", "reddit", "bluesky", "mastodon"):
        asked = translate(asked_about, source)
        assert 0 < len(asked.requests) <= 3_000
    assert compile_topic(asked_about)(["flu"]) == [text.startswith("flu")]


def test_a_phrase_longer_than_a_request_is_refused() -> None:
    with pytest.raises(EpilakeError, match="Expected words that fit into one request, found '\"aaaa"):
        ask_twitter(topic(f'"{"a" * 600}"'))


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(EpilakeError, match=r"Expected a source \(twitter, reddit, .*\), found 'myspace': choose one"):
        translate(topic("flu"), "myspace")


@pytest.mark.parametrize("source", ["twitter", "reddit", "bluesky", "mastodon", "feeds"])
def test_the_shipped_topics_can_be_asked_of_every_source(source: str) -> None:
    for shipped in load_topics():
        asked = translate(shipped, source)
        assert asked.source == source
        assert bool(asked.requests) is (source != "feeds")
        assert max(map(len, asked.requests), default=0) <= 512
        assert all(sentence.endswith(".") for sentence in asked.cannot_express)
