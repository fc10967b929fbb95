"""Local matching: what counts as the same word, in every script, and that speed changes no verdict."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.topics import (
    Topic,
    TopicList,
    TopicQuery,
    compile_topic,
    identify_list,
    load_topic_list,
    load_topics,
    match_topics,
)
from flows.topics.expression import And, Expression, Hashtag, Leaf, Not, Or, Phrase, Synonyms, Term, evaluate
from flows.topics.folding import fold
from flows.topics.leaves import make_pattern
from flows.topics.query import parse_query

WORDS = [
    "flu",
    "Grippe",
    "fièvre",
    "covid-19",
    "COVID_19",
    "bird",
    "फ्लू",
    "流感",
    "インフル",
    "ไข้",
    "الحمى",
    "독감",
    "新冠covid",
    "🤒",
]

leaves: st.SearchStrategy[Leaf] = st.one_of(
    st.sampled_from(WORDS).map(Term),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(lambda words: Phrase(" ".join(words))),
    st.sampled_from(["flu", "covid_19", "Grippe", "流感"]).map(Hashtag),
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    leaves | st.lists(leaves, min_size=1, max_size=3).map(lambda members: Synonyms(tuple(members))),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)
wanting = expressions.map(lambda part: And((Term("flu"), part)) if evaluate(part, lambda _: False) else part)
texts = st.lists(
    st.sampled_from([*WORDS, "#flu", "#covid_19", "#流感", "influenza", "の", "x"]).flatmap(
        lambda word: st.sampled_from([word, word.upper(), f"{word} ", f"{word}, ", f"{word}_", f"#{word} "])
    ),
    max_size=6,
).map("".join)


def topic(*queries: tuple[str, str], name: str = "topic") -> Topic:
    parsed = [TopicQuery(language, text, parse_query(text)) for language, text in queries]
    return Topic(name, 1, "A test.", tuple(parsed))


def make(expression: Expression, name: str = "topic") -> Topic:
    return Topic(name, 1, "A test.", (TopicQuery("en", "", expression),))


def matches(query: str, text: str) -> bool:
    (verdict,) = compile_topic(topic(("en", query)))([text])
    return verdict


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        pytest.param("flu", "The FLU!", True, id="case and punctuation"),
        pytest.param("flu", "influenza", False, id="not inside of a word"),
        pytest.param("flu", "flu2", False, id="digits belong to the word"),
        pytest.param("flu", "#flu", True, id="a hashtag holds its word"),
        pytest.param("flu", "#flu_shot", True, id="a hashtag of several words holds each"),
        pytest.param("#flu", "flu", False, id="a hashtag needs its #"),
        pytest.param("#flu", "＃FLU", True, id="full-width #"),
        pytest.param("#flu", "#flu_shot", False, id="a hashtag is whole"),
        pytest.param("#flu", "a#flu", False, id="a hashtag does not begin inside of a word"),
        pytest.param("covid-19", "COVID‑19 again", True, id="typographic hyphen"),
        pytest.param("covid", "covid-19", True, id="a hyphen ends a word"),
        pytest.param("covid", "ｃｏｖｉｄ 𝐜𝐨𝐯𝐢𝐝", True, id="full-width and bold letters"),
        pytest.param("it's", "it’s", True, id="typographic apostrophe"),
        pytest.param("grippe", "la grippé", True, id="accent in the text"),
        pytest.param('"grippe aviáire"', "Grippe Aviaire", True, id="accent in the query"),
        pytest.param("Straße", "STRASSE", True, id="sharp s"),
        pytest.param("Fälle", "Faelle", False, id="ae is not an umlaut"),
        pytest.param("İzmir", "izmir", True, id="Turkish capital"),
        pytest.param("إيبولا", "ايبولا", True, id="hamza"),
        pytest.param("الحصبة", "الحَصْبَة", True, id="Arabic vowels"),
        pytest.param("كورونا", "#فيروس_كورونا", True, id="Arabic hashtag of two words"),
        pytest.param("फ्लू", "मुझे फ्लू है", True, id="Hindi word"),
        pytest.param("फल", "फल्", False, id="Hindi marks are letters"),
        pytest.param("流感", "我得了流感了", True, id="Chinese inside of a run"),
        pytest.param("か", "が", False, id="Japanese voicing mark is a letter"),
        pytest.param("ガ", "ｶﾞ", True, id="half-width kana"),
        pytest.param("ไข้หวัด", "เป็นไข้หวัดใหญ่", True, id="Thai inside of a run"),
        pytest.param("독감", "독감에 걸렸다", True, id="Korean with a particle"),
        pytest.param("covid", "covidの影響", True, id="Latin word beside kana"),
        pytest.param('"sore throat"', "sore \n\u00a0throat", True, id="phrase over any white space"),
        pytest.param('"sore throat"', "sore, throat", False, id="phrase not over punctuation"),
        pytest.param('"sore throat"', "sore throats", False, id="phrase of whole words"),
        pytest.param('"bird flu"', "#bird_flu", True, id="phrase as a hashtag"),
        pytest.param('"🤒"', "feeling🤒", True, id="emoji"),
        pytest.param("flu", "f\u00adlu f\u200blu", True, id="invisible characters"),
        pytest.param("flu -shot", "flu shot", False, id="left out"),
    ],
)
def test_a_word_is_found_as_its_readers_would(query: str, text: str, expected: bool) -> None:
    assert matches(query, text) is expected


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(wanting, texts)
def test_the_index_finds_what_searching_for_each_leaf_finds(expression: Expression, text: str) -> None:
    folded = fold(text)
    expected = evaluate(expression, lambda leaf: re.search(make_pattern(leaf), folded) is not None)
    assert compile_topic(make(expression))([text]) == [expected]


@given(st.lists(wanting, max_size=4), st.lists(texts | st.none(), max_size=4))
def test_many_topics_at_once_are_each_alone(queries: list[Expression], posts: list[str | None]) -> None:
    topics = [make(query, f"topic_{number}") for number, query in enumerate(queries)]
    alone = [compile_topic(topic)(posts) for topic in topics]
    expected = [tuple(f"topic_{n}" for n, verdicts in enumerate(alone) if verdicts[post]) for post in range(len(posts))]
    assert match_topics(topics, posts) == expected


@given(wanting, texts)
def test_equal_expressions_match_the_same(expression: Expression, text: str) -> None:
    flu = Term("flu")
    pairs = [
        (And((flu, Not(And((flu, expression))))), And((flu, Or((Not(flu), Not(expression)))))),
        (And((flu, Not(Or((flu, expression))))), And((flu, Not(flu), Not(expression)))),
        (Not(Not(expression)), expression),
        (And((expression, flu)), And((flu, expression))),
        (Or((expression, expression)), expression),
    ]
    for one, other in pairs:
        assert compile_topic(make(one))([text]) == compile_topic(make(other))([text])


def test_null_and_empty_texts_are_about_nothing() -> None:
    assert match_topics([topic(("en", "flu"))], [None, "", "flu"]) == [(), (), ("topic",)]


def test_a_post_is_judged_by_the_query_of_its_language_if_there_is_one() -> None:
    both = topic(("en", "flu"), ("es", "gripe"))
    posts = ["my only gripe", "tengo gripe", "gripe", "gripe", "flu"]
    languages = ["en", "es-MX", None, "und", "pt_BR"]
    assert match_topics([both], posts, languages) == [(), ("topic",), ("topic",), ("topic",), ("topic",)]
    assert match_topics([both], posts) == [("topic",)] * 5


def test_a_withdrawn_code_is_the_same_language() -> None:
    hebrew = topic(("he", "שפעת"), ("en", "flu"))
    assert match_topics([hebrew], ["שפעת", "flu"], ["iw", "iw"]) == [("topic",), ()]


def test_texts_and_languages_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        match_topics([topic(("en", "flu"))], ["flu", "flu"], ["en"])


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        pytest.param("I've got the flu, in bed", "en", "influenza_like_illness", id="flu"),
        pytest.param("FEVER and a nasty cough", "en", "influenza_like_illness", id="fever and cough"),
        pytest.param("got my flu shot today", "en", "vaccination", id="flu shot"),
        pytest.param("Bird flu found on a farm", "en", "", id="bird flu"),
        pytest.param("my only gripe is the price", "en", "", id="an English word for complaint"),
        pytest.param("tengo gripe y tos", "es", "influenza_like_illness", id="gripe"),
        pytest.param("brote de cólera en Haití", "es", "cholera", id="cólera"),
        pytest.param("qué cólera me da", "es", "", id="anger"),
        pytest.param("elle est la coqueluche des médias", "fr", "", id="darling"),
        pytest.param("vomissements et diarrhée", "fr", "gastroenteritis", id="gastro"),
        pytest.param("Magen-Darm-Grippe im Büro", "de", "gastroenteritis", id="stomach flu"),
        pytest.param("Die Grippewelle rollt", "de", "influenza_like_illness", id="Grippewelle"),
        pytest.param("varíola dos macacos no Brasil", "pt", "mpox", id="varíola"),
        pytest.param("#فيروس_كورونا ينتشر", "ar", "covid_19", id="Arabic hashtag"),
        pytest.param("बुखार और खांसी", "hi", "influenza_like_illness", id="Hindi fever and cough"),
        pytest.param("荨麻疹发作", "zh", "", id="hives hold the word for measles"),
        pytest.param("麻疹病例", "zh", "measles", id="measles"),
        pytest.param("インフルエンサーです", "ja", "", id="influencer"),
        pytest.param("インフルエンザになった", "ja", "influenza_like_illness", id="influenza"),
        pytest.param("デング熱が流行", "ja", "dengue", id="dengue"),
    ],
)
def test_the_shipped_topics_know_their_posts_with_and_without_the_language(
    text: str, language: str, expected: str
) -> None:
    assert match_topics(load_topics(), [text, text], [language, None]) == [(expected,) if expected else ()] * 2


def test_a_list_is_another_whenever_a_query_or_a_synonym_of_it_is(tmp_path: Path) -> None:
    def identify(query: str = "~fever cough", fever: str = "fever", meaning: str = "A test.") -> str:
        file = tmp_path / "topics.yaml"
        file.write_text(
            f"version: 3\nsynonyms: {{fever: {{en: [{fever}, hot]}}}}\n"
            f"topics: [{{name: flu, version: 1, meaning: {meaning}, queries: {{en: {query}}}}}]\n",
            encoding="utf-8",
        )
        return identify_list(load_topic_list(file))

    assert identify() == identify(meaning="Another sentence.")
    assert len({identify(), identify("~fever coughs"), identify(fever="febrile")}) == 3
    assert identify().startswith("3+")


def test_the_version_of_a_list_counts_though_its_topics_are_the_same() -> None:
    topics = load_topics()
    assert identify_list(TopicList(1, topics)) != identify_list(TopicList(2, topics))
