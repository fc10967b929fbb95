"""The query language: what it means, that it can be written back, and that every mistake becomes one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import EpilakeError
from flows.topics.expression import (
    And,
    Expression,
    Hashtag,
    Leaf,
    Not,
    Or,
    Phrase,
    Synonyms,
    Term,
    evaluate,
    list_leaves,
    render,
)
from flows.topics.query import MAX_DEPTH, MAX_LENGTH, parse_leaf, parse_query
from flows.topics.widen import push_negations

FEVER = (Term("fever"), Phrase("high temperature"))
WORDS = [
    "flu",
    "Grippe",
    "fièvre",
    "covid-19",
    "COVID_19",
    "AT&T",
    "it’s",
    "38.5",
    "فيروس",
    "फ्लू",
    "流感",
    "ไข้หวัด",
    "ORANGE",
]

leaves: st.SearchStrategy[Leaf] = st.one_of(
    st.sampled_from(WORDS).map(Term),
    st.lists(st.sampled_from([*WORDS, "OR", "(a)", "!", "🤒"]), min_size=1, max_size=3).map(
        lambda words: Phrase(" ".join(["x", *words]))
    ),
    st.sampled_from(["flu", "covid_19", "grippé", "流感", "فيروس_كورونا"]).map(Hashtag),
)
synonyms = st.one_of(
    st.lists(leaves, min_size=1, max_size=3).map(lambda members: Synonyms(tuple(members))),
    st.just(Synonyms(FEVER, "fever")),
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    leaves | synonyms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=8,
)


def parse(text: str) -> Expression:
    return parse_query(text, topic="influenza", language="en", synonyms={"fever": FEVER})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("flu", Term("flu"), id="word"),
        pytest.param(' "sore \n throat" ', Phrase("sore throat"), id="phrase"),
        pytest.param("#h5n1", Hashtag("h5n1"), id="hashtag"),
        pytest.param("a b AND c", And((Term("a"), Term("b"), Term("c"))), id="AND may be left out"),
        pytest.param("a OR b c", Or((Term("a"), And((Term("b"), Term("c"))))), id="AND binds before OR"),
        pytest.param("(a OR b) c", And((Or((Term("a"), Term("b"))), Term("c"))), id="parentheses"),
        pytest.param("a -b", And((Term("a"), Not(Term("b")))), id="minus"),
        pytest.param("a NOT b", And((Term("a"), Not(Term("b")))), id="NOT"),
        pytest.param("a -(b c)", And((Term("a"), Not(And((Term("b"), Term("c")))))), id="minus before parentheses"),
        pytest.param("a-b", Term("a-b"), id="hyphen inside of a word"),
        pytest.param('{flu|"bird flu"}', Synonyms((Term("flu"), Phrase("bird flu"))), id="synonyms written out"),
        pytest.param("~fever", Synonyms(FEVER, "fever"), id="named synonyms"),
        pytest.param("ORANGE NOTICE", And((Term("ORANGE"), Term("NOTICE"))), id="words that begin like operators"),
        pytest.param('"or"', Phrase("or"), id="quoted operator"),
        pytest.param('"-19: (c)"', Phrase("-19: (c)"), id="any characters in quotes"),
    ],
)
def test_a_query_means_what_its_grammar_says(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@given(expressions)
def test_what_is_rendered_is_parsed_back(expression: Expression) -> None:
    wanting = expression if not evaluate(expression, lambda _: False) else And((Term("flu"), expression))
    assert parse(render(wanting)) == wanting


@given(
    st.lists(
        st.sampled_from([*'ab "(){}|#~-,:\\“_\u0301\u200d', " OR ", " AND ", " NOT ", "~fever", "流"]), max_size=25
    )
)
def test_any_text_is_either_a_query_or_one_sentence(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        expression = parse(text)
    except EpilakeError as error:
        assert str(error).startswith("Topic influenza, language en, column ")  # noqa: PT017
        assert str(error).endswith(".")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert parse(render(expression)) == expression


@pytest.mark.parametrize(
    ("text", "column", "complaint"),
    [
        pytest.param("", 1, "found the end: finish the query", id="empty"),
        pytest.param(
            "flu OR", 7, "expected a word, a quoted phrase, a #hashtag or an opening parenthesis", id="half an OR"
        ),
        pytest.param("OR flu", 1, "found `OR`: write the words that it joins", id="OR first"),
        pytest.param("a NOT NOT b", 7, "found `NOT`: write it once", id="NOT twice"),
        pytest.param("(flu", 5, "expected a closing parenthesis, found the end: close every parenthesis", id="open"),
        pytest.param("flu)", 4, "expected the end of the query, found `)`: open a parenthesis before it", id="closed"),
        pytest.param('flu "bird', 5, 'found `"`: close the quote', id="open quote"),
        pytest.param(
            "{flu", 5, "expected a vertical bar or a closing brace, found the end: close the brace", id="brace"
        ),
        pytest.param("a | b", 3, "elsewhere write OR", id="bar outside of braces"),
        pytest.param("a - b", 3, "found `-`: put a space before a minus and none behind it", id="lonely minus"),
        pytest.param("a lang:en", 7, "like lang:en, has no place in a topic", id="one source's operator"),
        pytest.param("vaccin*", 7, "there is no wildcard", id="wildcard"),
        pytest.param("flu, cough", 4, "put OR between alternatives", id="comma"),
        pytest.param("“flu”", 1, "write straight quotes", id="curly quotes"),
        pytest.param("flu or cold", 5, "found `or`: write OR, or put the word in quotes", id="small or"),
        pytest.param("~cough", 1, "name of a set of synonyms (fever), found `~cough`", id="unknown synonyms"),
        pytest.param('"…!"', 1, "expected something with a letter, a digit or a symbol", id="nothing to find"),
        pytest.param("#2020", 1, "expected a #hashtag with a letter", id="hashtag of digits"),
        pytest.param('"\ud800"', 1, r"found `\"\ud800\"`".replace('\\"', '"'), id="half a surrogate pair"),
    ],
)
def test_a_mistake_is_named_with_its_column_and_what_to_do(text: str, column: int, complaint: str) -> None:
    with pytest.raises(EpilakeError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"Topic influenza, language en, column {column}: ")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("text", ["-flu", "NOT (a b)", "flu OR -cold", "-{a|b} -c", "NOT (a -b)"])
def test_a_query_that_does_not_say_what_it_wants_is_refused(text: str) -> None:
    with pytest.raises(EpilakeError, match="must say what it wants, not only what it does not"):
        parse(text)


def test_a_query_may_be_as_long_as_the_limit_and_no_longer() -> None:
    text = " OR ".join(["abcdef"] * 1000)
    assert len(text) == MAX_LENGTH - 4
    assert len(list(list_leaves(parse(text)))) == 1000
    with pytest.raises(EpilakeError, match="expected at most 10,000 characters, found 10,006: split the topic"):
        parse(text + " OR abcdef")


def test_parentheses_may_be_as_deep_as_the_limit_and_no_deeper() -> None:
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == Term("a")
    with pytest.raises(EpilakeError, match=f"column {MAX_DEPTH + 1}: expected at most {MAX_DEPTH} parentheses"):
        parse("(" * 4_999 + "a" + ")" * 4_999)
    with pytest.raises(EpilakeError, match="parentheses inside each other"):
        parse("-(" * 4_999)


@pytest.mark.parametrize("text", ["", "a OR b c", 'a" OR "b', "~fever", "{a|b}", "-a"])
def test_a_member_of_a_set_is_one_word_phrase_or_hashtag(text: str) -> None:
    if text == "a OR b c":
        assert parse_leaf(text) == Phrase("a OR b c")
    else:
        with pytest.raises(EpilakeError, match=r"expected|must say what it wants"):
            parse_leaf(text)


@given(expressions, st.sets(st.sampled_from(WORDS)))
def test_pushing_negations_to_the_leaves_changes_no_meaning(expression: Expression, words: set[str]) -> None:
    def holds(leaf: Leaf) -> bool:
        return any(word in leaf.text for word in words)

    pushed = push_negations(expression)
    assert evaluate(pushed, holds) == evaluate(expression, holds)
    assert evaluate(push_negations(Not(expression)), holds) != evaluate(expression, holds)


@given(expressions, expressions, st.sets(st.sampled_from(WORDS)))
def test_de_morgan(one: Expression, other: Expression, words: set[str]) -> None:
    def holds(leaf: Leaf) -> bool:
        return any(word in leaf.text for word in words)

    assert evaluate(Not(And((one, other))), holds) == evaluate(Or((Not(one), Not(other))), holds)
    assert evaluate(Not(Or((one, other))), holds) == evaluate(And((Not(one), Not(other))), holds)
    assert push_negations(Not(And((one, other)))) == push_negations(Or((Not(one), Not(other))))
