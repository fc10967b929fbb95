"""Topic files: the shipped one is whole, and a hostile one is refused with one sentence."""

from pathlib import Path

import pytest

from flows.errors import EpilakeError
from flows.topics import load_topic_list, load_topics
from flows.topics.expression import Hashtag, Phrase, Synonyms, Term

TOPIC = """
  - name: influenza
    version: 3
    meaning: Influenza.
    queries:
      en: flu OR ~fever
"""
SYNONYMS = """
synonyms:
  fever:
    en: [fever, high temperature]
    every: ["#fever"]
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "topics.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refuse(folder: Path, text: str | bytes) -> str:
    """The sentence with which a file is refused, without its path."""
    with pytest.raises(EpilakeError) as caught:
        load_topics(write(folder, text))
    sentence = str(caught.value).replace(f"{folder}/", "")
    assert sentence.startswith("topics.yaml")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_the_shipped_topics_speak_the_five_languages_and_more() -> None:
    shipped = load_topic_list()
    assert shipped.version >= 1
    assert len({topic.name for topic in shipped.topics}) == len(shipped.topics) >= 10
    for topic in shipped.topics:
        assert topic.version >= 1
        assert topic.meaning.endswith(".")
        assert {query.language for query in topic.queries} >= {"en", "es", "fr", "de", "pt", "zh", "ja"}


def test_named_synonyms_are_those_of_the_language_and_of_every_language(tmp_path: Path) -> None:
    read = load_topic_list(write(tmp_path, f"version: 7{SYNONYMS}\ntopics:{TOPIC}"))
    (topic,) = read.topics
    assert (read.version, topic.name, topic.version, topic.meaning) == (7, "influenza", 3, "Influenza.")
    fever = Synonyms((Term("fever"), Phrase("high temperature"), Hashtag("fever")), "fever")
    assert topic.queries[0].text == "flu OR ~fever"
    assert topic.queries[0].expression.parts == (Term("flu"), fever)  # type: ignore[union-attr]


LAUGHS = "a: &a [lol, lol]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", "expected topics, found an empty file", id="empty"),
        pytest.param("# nothing\n", "expected topics, found an empty file", id="only a comment"),
        pytest.param("version: [1", "expected YAML, found that expected ',' or ']'", id="not YAML"),
        pytest.param("a: 1\n---\nb: 2\n", "expected YAML", id="two documents"),
        pytest.param("version: 1\x00", "expected YAML", id="a null character"),
        pytest.param(b"version: \xff", "expected UTF-8, found another byte at offset 9", id="not UTF-8"),
        pytest.param("just a text", "at the top: expected keys and values", id="a text"),
        pytest.param("version: 1", "at topics: expected this key, found none", id="no topics"),
        pytest.param("version: 1\ntopics: []", "at topics: List should have at least 1 item", id="an empty list"),
        pytest.param(
            f"version: 1\nversion: 2\ntopics:{TOPIC}", "found the key 'version' twice in line 2", id="key twice"
        ),
        pytest.param(f"version: 1.0{SYNONYMS}topics:{TOPIC}", "at version: expected a valid integer", id="fraction"),
        pytest.param(
            f"version: 0{SYNONYMS}topics:{TOPIC}", "at version: expected greater than or equal to 1", id="zero"
        ),
        pytest.param(f"version: 1\nowner: me\ntopics:{TOPIC}", "at owner: expected no such key", id="unknown key"),
        pytest.param(
            f"version: 1{SYNONYMS}topics:{TOPIC}    querys: x\n",
            "at topics.0.querys: expected no such key",
            id="misspelt key",
        ),
        pytest.param(
            f"version: 1{SYNONYMS}topics:{TOPIC}{TOPIC}",
            "at topics: expected each name once, found influenza more than once",
            id="two topics of one name",
        ),
        pytest.param(
            f"version: 1{SYNONYMS}topics:{TOPIC}".replace("en:", "no:"),
            "expected a valid string",
            id="Norwegian, read as false",
        ),
        pytest.param(
            f"version: 1{SYNONYMS}topics:{TOPIC}".replace("      en:", "      iw:"),
            "expected today's code of the language, he, found iw",
            id="withdrawn code",
        ),
        pytest.param(
            f"version: 1\ntopics:{TOPIC}",
            "Topic influenza, language en, column 8: expected the name of a set of synonyms (there is none), found `~",
            id="unknown synonyms",
        ),
        pytest.param(
            f"version: 1{SYNONYMS}topics:{TOPIC}".replace("high temperature", "'~fever'"),
            "synonyms fever, language en: Query, column 1: expected the name of a set",
            id="synonyms inside of synonyms",
        ),
        pytest.param(LAUGHS, "line 2: expected no alias, found *a: write its value out", id="billion laughs"),
        pytest.param("a: &a [*a]", "expected no alias, found *a", id="a list that holds itself"),
        pytest.param("[" * 100_000, "expected at most 20 levels", id="deep brackets"),
        pytest.param("- " * 5_000 + "a", "expected at most 20 levels", id="deep dashes"),
        pytest.param("#" * 1_000_001, "expected at most 1,000,000 bytes", id="too large"),
        pytest.param("!!python/object/apply:os.system [ls]", "could not determine a constructor", id="a Python object"),
        pytest.param("? [a]\n: b", "expected YAML, found unhashable key", id="a list as key"),
        pytest.param("version: 2020-13-45", "expected YAML", id="an impossible date"),
    ],
)
def test_a_hostile_file_is_refused_with_one_sentence(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    assert complaint in refuse(tmp_path, text)


def test_a_file_that_is_not_there_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(EpilakeError, match=r"Expected a topic file at .*none\.yaml, found none to read"):
        load_topics(tmp_path / "none.yaml")
    with pytest.raises(EpilakeError, match=r"Expected a topic file at .*found none to read"):
        load_topics(tmp_path)
