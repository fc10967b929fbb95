"""Labelled sets as files: what is read of each form, and one sentence for each that is none."""

import gzip
from pathlib import Path

import pytest

from flows.errors import EpilakeError
from flows.labelled_sets import LABELS_BESIDE, TEXTS, LabelledSet, read_labelled_sets
from tests.unit.labelled_texts import invent, write_pair

THREE = [("so-so", "1"), ("bad", "0"), ("good", "2")]
CORONA_NLP = "UserName,ScreenName,Location,TweetAt,OriginalTweet,Sentiment\r\r\n1,2,,16-03-2020,good,Positive\r\r\n"


def rows_of(found: LabelledSet) -> list[tuple[str, str]]:
    return list(zip(found.texts, found.labels, strict=True))


def read_one(folder: Path) -> LabelledSet:
    found = read_labelled_sets(folder)
    assert found.refused == {}
    (only,) = found.sets
    return only


def test_texts_and_labels_line_by_line_make_a_set(tmp_path: Path) -> None:
    rows = invent(4, seed=1)
    write_pair(tmp_path, "tweeteval_sentiment_val", rows)
    found = read_one(tmp_path)
    assert rows_of(found) == rows
    assert (found.name, found.is_to_learn_from, found.count_left_out) == ("tweeteval_sentiment_val", True, 0)


@pytest.mark.parametrize(
    ("name", "expected"), [("val", True), ("a_val", True), ("test", False), ("interval", False), ("val_test", False)]
)
def test_only_a_validation_part_is_learnt_from(tmp_path: Path, name: str, expected: bool) -> None:
    write_pair(tmp_path, name, invent(1, seed=1))
    assert read_one(tmp_path).is_to_learn_from == expected


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    texts = ["so\u2028so", "bad\x85day", "good\x0b\x1e day"]
    (tmp_path / f"x{TEXTS}").write_bytes("\n".join(texts).encode())
    (tmp_path / f"x{LABELS_BESIDE}").write_bytes(b"1\n0\n2\n")
    assert read_one(tmp_path).texts.tolist() == texts


def test_the_vaccine_set_is_read_with_its_damages(tmp_path: Path) -> None:
    """Blank columns, CRLF beside LF within a text, quotes of a spreadsheet's code page, records without label."""
    rows = [
        '1E+18,1,"so \x93bad\x94, \nreally",,,,,',
        "2E+18,2,noon,,,,,",
        "3E+18,3,good,,,,,",
        "lost,,,,,,,",
        ",,,,,,,",
        "4",
    ]
    content = "\r\n".join(["tweet_id,label,tweet_text,,,,,", *rows, ""])
    (tmp_path / "vaccine.csv.gz").write_bytes(gzip.compress(content.encode("latin-1")))
    found = read_one(tmp_path)
    assert rows_of(found) == [("so “bad”, \nreally", "negative"), ("noon", "neutral"), ("good", "positive")]
    assert (found.name, found.count_left_out) == ("vaccine", 3)


def test_a_set_of_ones_own_says_its_labels_in_words(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("text,label\nbad,negative\nnoon,neutral\ngood, positive\n?,unsure\n", "utf-8-sig")
    found = read_one(tmp_path)
    assert rows_of(found) == [("bad", "negative"), ("noon", "neutral"), ("good", "positive")]
    assert found.count_left_out == 1


def write(folder: Path, name: str, content: str) -> None:
    (folder / name).write_bytes(content.encode())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param(
            "Corona_NLP_train.csv",
            CORONA_NLP,
            "it is refused as evidence: the labels of Corona_NLP are VADER's own scores, thresholded, so agreement "
            "with them would measure VADER against itself; use texts that people have labelled.",
            id="labels of VADER's own",
        ),
        pytest.param("a.csv", "id,text,mood\n1,good,1\n", "it is not a labelled set that is known here", id="header"),
        pytest.param("mapping.txt", "0\tnegative\n", "it is not a labelled set that is known here", id="notes"),
        pytest.param("empty.csv", "", "it is not a labelled set that is known here", id="empty"),
        pytest.param("a_labels.txt", "1\n", "it is not a labelled set that is known here", id="labels alone"),
        pytest.param(
            "a_text.txt", "good\n", "expected its labels in a_labels.txt, found no such file", id="texts alone"
        ),
        pytest.param(
            "a.csv",
            "text,label\ngood,positive\n",
            "found 1 records and none of them negative or neutral",
            id="one label only",
        ),
        pytest.param("a.csv", 'text,label\n"good"!,positive\n', "expected CSV, found at line 2", id="broken quotes"),
    ],
)
def test_a_file_that_is_no_evidence_is_told_beside_the_others(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    write(tmp_path, name, content)
    write_pair(tmp_path, "test", invent(1, seed=1))
    found = read_labelled_sets(tmp_path)
    assert [each.name for each in found.sets] == ["test"]
    assert list(found.refused) == [name]
    assert reason in found.refused[name]


def test_one_reason_of_many_files_is_told_once(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        write(tmp_path, name, "id,text\n1,good\n")
    with pytest.raises(EpilakeError, match=r"There is no labelled set in .*: a.csv, b.csv, c.csv: it is not") as caught:
        read_labelled_sets(tmp_path)
    assert str(caught.value).count("it is not a labelled set that is known here") == 1


def test_texts_and_labels_that_are_not_equally_many_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a_text.txt", "bad\nso-so\ngood\n")
    write(tmp_path, "a_labels.txt", "0\n1\n")
    with pytest.raises(EpilakeError, match="expected one label a line, found 3 texts and 2 labels"):
        read_labelled_sets(tmp_path)


def test_a_file_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    write_pair(tmp_path, "test", invent(1, seed=1))
    (tmp_path / "test_text.txt").write_bytes(gzip.decompress((tmp_path / "test_text.txt.gz").read_bytes()))
    found = read_labelled_sets(tmp_path)
    assert len(found.sets) == 1
    assert list(found.refused.values()) == ["it is test_text.txt once more, packed otherwise: keep one of the two."]


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "test", invent(30, seed=1))
    path = tmp_path / "test_text.txt.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(EpilakeError, match=r"test_text.txt.gz is damaged .*: fetch it again"):
        read_labelled_sets(tmp_path)


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        pytest.param(
            "missing", "There is no folder of labelled texts at .*missing: give one with TweetEval's", id="none"
        ),
        pytest.param("file.csv", "There is no folder of labelled texts at .*file.csv", id="a file"),
        pytest.param("empty", "There is no file of labelled texts at .*empty", id="nothing in it"),
    ],
)
def test_a_folder_without_files_is_one_sentence(tmp_path: Path, folder: str, sentence: str) -> None:
    (tmp_path / "file.csv").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(EpilakeError, match=sentence):
        read_labelled_sets(tmp_path / folder)
