"""Sets of texts whose sentiment people have labelled, as files: what is read, what is refused as evidence, and why.

A file is known by its header, or by its partner: TweetEval keeps texts in `…_text.txt` and their labels, line by line,
in `…_labels.txt`. Real posts are not shipped, so the folder is the user's.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from flows.errors import EpilakeError, UnknownHeaderError, UnreadableFileError
from flows.sources.files import COMPRESSED_ENDINGS, InputFile, expand_paths, open_decompressed
from ml.sentiment_methods import LABELS

if TYPE_CHECKING:
    from ml.sentiment_methods import Labels

TEXTS, LABELS_BESIDE = "_text.txt", "_labels.txt"
TWEETEVAL_CODES: Final = dict(zip("012", LABELS, strict=True))
KNOWN: Final = (
    "TweetEval's …_text.txt beside …_labels.txt, a CSV file with the columns tweet_id,label,tweet_text (1 negative, "
    "2 neutral, 3 positive), or one with text,label (negative, neutral, positive)"
)
VADER_LABELLED: Final = ("UserName", "ScreenName", "Location", "TweetAt", "OriginalTweet", "Sentiment")
VADER_REFUSAL: Final = (
    "it is refused as evidence: the labels of Corona_NLP are VADER's own scores, thresholded, so agreement with them "
    "would measure VADER against itself; use texts that people have labelled."
)


@dataclass(frozen=True)
class CsvForm:
    """A form of CSV file: its columns, which of them hold text and label, and what the labels are in `LABELS`."""

    columns: tuple[str, ...]
    text: str
    label: str
    codes: dict[str, str]


CSV_FORMS: Final = (
    CsvForm(("tweet_id", "label", "tweet_text"), "tweet_text", "label", dict(zip("123", LABELS, strict=True))),
    CsvForm(("text", "label"), "text", "label", dict(zip(LABELS, LABELS, strict=True))),
)


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Texts and what people say of them: one row per text, in the order of the file.

    Attributes:
        name: Name of the file without its endings.
        texts: None null, none blank.
        labels: One of `LABELS` for each.
        count_left_out: Records without a text or without a label that is known.
    """

    name: str
    texts: pd.Series
    labels: "Labels"
    count_left_out: int

    @property
    def is_to_learn_from(self) -> bool:
        """Whether its name says that it is a validation part, as TweetEval's is: a method is learnt from no other."""
        return self.name == "val" or self.name.endswith("_val")


class RefusedSetError(EpilakeError):
    """A file is no evidence of how right a method is; the message says why."""


@dataclass(frozen=True)
class LabelledSets:
    """The sets of a folder, by name, and file → sentence for what is none."""

    sets: list[LabelledSet]
    refused: dict[str, str]


def read_labelled_sets(folder: Path) -> LabelledSets:
    """Read the labelled sets of a folder; a file that is none is kept apart with the reason.

    Raises:
        EpilakeError: There is no such folder, it holds no data, or no file in it is a labelled set.
    """
    if not folder.is_dir():
        raise UnreadableFileError(f"There is no folder of labelled texts at {folder}: give one with {KNOWN}.")
    files: dict[str, InputFile] = {}
    found = LabelledSets([], {})
    for file in expand_paths([str(folder)], what="labelled texts"):
        known = files.setdefault(strip_endings(file.name), file)
        if known != file:
            found.refused[file.name] = f"it is {known.name} once more, packed otherwise: keep one of the two."
    for name, file in sorted(files.items()):
        if name.endswith(LABELS_BESIDE) and name.removesuffix(LABELS_BESIDE) + TEXTS in files:
            continue
        try:
            found.sets.append(read_set(name, file, files.get(name.removesuffix(TEXTS) + LABELS_BESIDE)))
        except EpilakeError as error:
            found.refused[file.name] = str(error)
    if not found.sets:
        raise RefusedSetError(f"There is no labelled set in {folder}: {group_reasons(found.refused)}")
    return found


def group_reasons(refused: dict[str, str]) -> str:
    """Return each reason once, behind the files that it is about.

    >>> group_reasons({"a.csv": "it is cut.", "b.csv": "it is old.", "c.csv": "it is cut."})
    'a.csv, c.csv: it is cut; b.csv: it is old.'
    """
    files: defaultdict[str, list[str]] = defaultdict(list)
    for file, reason in refused.items():
        files[reason.removesuffix(".")].append(file)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in files.items()) + "."


def strip_endings(name: str) -> str:
    """Return the name of a file in lower case and without the ending of its compression.

    >>> strip_endings("val_text.txt.gz")
    'val_text.txt'
    """
    plain = name.lower()
    for ending in COMPRESSED_ENDINGS:
        plain = plain.removesuffix(ending)
    return plain


def read_set(name: str, file: InputFile, labels_beside: InputFile | None) -> LabelledSet:
    """Read one labelled set.

    Raises:
        EpilakeError: The file is damaged, is none of the known forms, or is refused as evidence.
    """
    if name.endswith(TEXTS):
        if labels_beside is None:
            raise RefusedSetError(
                f"expected its labels in {name.removesuffix(TEXTS)}{LABELS_BESIDE}, found no such file."
            )
        pairs = pair_lines(read_text(file), read_text(labels_beside))
        return make_set(name.removesuffix(TEXTS), pairs, TWEETEVAL_CODES)
    content = read_text(file)
    form = find_form(content)
    return make_set(name.rpartition(".")[0], read_pairs(content, form), form.codes)


def read_text(file: InputFile) -> str:
    """Return the text of a file: UTF-8, or, where it is not, Windows-1252, in which a spreadsheet saves.

    Raises:
        UnreadableFileError: The compressed stream is damaged.
    """
    with open_decompressed(file) as stream:
        content = stream.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def pair_lines(texts: str, labels: str) -> list[tuple[str, str]]:
    r"""Return the lines of two files beside each other; only a line feed ends a line.

    Raises:
        RefusedSetError: They are not equally many.

    >>> pair_lines("so good\nso bad\n", "2\n0\n")
    [('so good', '2'), ('so bad', '0')]
    """
    left, right = (content.removesuffix("\n").split("\n") for content in (texts, labels))
    if len(left) != len(right):
        raise RefusedSetError(f"expected one label a line, found {len(left):,} texts and {len(right):,} labels.")
    return list(zip(left, right, strict=True))


def find_form(content: str) -> CsvForm:
    r"""Return the form of CSV file that has this header; blank columns after it are of no matter.

    Raises:
        RefusedSetError: The file is known to be no evidence.
        UnknownHeaderError: No form has it.

    >>> find_form("tweet_id,label,tweet_text,,\n").text
    'tweet_text'
    """
    header = tuple(name.strip() for name in content.partition("\n")[0].rstrip(", \r").split(","))
    if header == VADER_LABELLED:
        raise RefusedSetError(VADER_REFUSAL)
    for form in CSV_FORMS:
        if header == form.columns:
            return form
    raise UnknownHeaderError(f"it is not a labelled set that is known here: expected {KNOWN}.")


def read_pairs(content: str, form: CsvForm) -> Iterator[tuple[str, str]]:
    """Yield text and label of each record.

    Raises:
        RefusedSetError: A record breaks the rules of CSV.
    """
    text, label = form.columns.index(form.text), form.columns.index(form.label)
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        next(rows)
        for row in filter(None, rows):
            yield (row[text], row[label]) if len(row) > max(text, label) else ("", "")
    except csv.Error as error:
        raise RefusedSetError(f"expected CSV, found at line {rows.line_num:,}: {error}.") from error


def make_set(
    name: str, pairs: "Iterator[tuple[str, str]] | list[tuple[str, str]]", codes: dict[str, str]
) -> LabelledSet:
    """Make a set of pairs of text and code; a pair without either is counted and left out.

    Raises:
        RefusedSetError: One of `LABELS` is left with no text.

    >>> made = make_set("tiny", [("good", "2"), ("so-so", "1"), ("bad", "0"), ("?", "7"), (" ", "1")], TWEETEVAL_CODES)
    >>> made.labels.tolist(), made.count_left_out
    (['positive', 'neutral', 'negative'], 2)
    """
    all_pairs = [(text, codes.get(code.strip())) for text, code in pairs]
    kept = [(text, label) for text, label in all_pairs if label and text.strip()]
    counts = Counter(label for _, label in kept)
    missing = [label for label in LABELS if not counts[label]]
    if missing:
        raise RefusedSetError(
            f"expected texts of each label ({', '.join(f'{code}: {label}' for code, label in codes.items())}), found "
            f"{len(all_pairs):,} records and none of them {' or '.join(missing)}."
        )
    texts = pd.Series([text for text, _ in kept], dtype="object")
    return LabelledSet(name, texts, np.array([label for _, label in kept]), len(all_pairs) - len(kept))
