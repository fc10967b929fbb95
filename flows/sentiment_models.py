"""A learnt sentiment method as files that hold no code: terms and names as JSON, weights as plain arrays.

Neither is a pickle, and neither can be: JSON has no objects, and NumPy is told to refuse them. The hash that writing
returns is asked for when reading, before anything is opened.
"""

import json
from pathlib import Path
from typing import Final

import numpy as np

from flows.errors import EpilakeError
from ml.integrity import check_folder, hash_folder
from ml.learnt_sentiment import CHARACTERS, WORDS, LearntSentiment, Terms, restore_vectorizer

FORMAT: Final = 1
FACTS, WEIGHTS = "method.json", "weights.npz"


def write_method(folder: Path, method: LearntSentiment) -> str:
    """Write a learnt method into a new folder; return its hash, which does not depend on when or where.

    Raises:
        FileExistsError: Something is there.
    """
    if folder.exists():
        raise FileExistsError(f"Something is already at {folder}: give the name of a new folder for the method.")
    folder.mkdir(parents=True)
    terms = method.terms
    facts = {
        "format": FORMAT,
        "name": method.name,
        "version": method.version,
        "languages": method.languages,
        "words": terms.words.get_feature_names_out().tolist(),
        "characters": terms.characters.get_feature_names_out().tolist(),
    }
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    np.savez(
        folder / WEIGHTS,
        weights=method.weights,
        bias=method.bias,
        words=terms.words.idf_,
        characters=terms.characters.idf_,
    )
    return hash_folder(folder)


def read_method(folder: Path, *, expected: str) -> LearntSentiment:
    """Read a learnt method back; it scores every text as it did when written.

    Args:
        folder: Where it was written.
        expected: The hash that writing returned.

    Raises:
        FileNotFoundError: The folder holds no file.
        ModelTamperedError: The files are not those that were written.
        EpilakeError: They are of another format.
    """
    check_folder(folder, expected=expected, model=f"the sentiment method in {folder}")
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if facts["format"] != FORMAT:
        raise EpilakeError(f"expected format {FORMAT} of a sentiment method, found {facts['format']}: learn it again.")
    with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
        terms = Terms(
            words=restore_vectorizer(WORDS, facts["words"], arrays["words"]),
            characters=restore_vectorizer(CHARACTERS, facts["characters"], arrays["characters"]),
        )
        return LearntSentiment(
            terms=terms,
            weights=arrays["weights"],
            bias=arrays["bias"],
            version=facts["version"],
            name=facts["name"],
            languages=tuple(facts["languages"]),
        )
