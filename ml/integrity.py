"""Whether a stored model is the one that was registered, and runs nothing when it is opened.

A fitted pipeline is a folder of files that Spark turns back into objects. Whoever can write there can change what is
predicted, so the folder's hash is recorded at registration and checked before anything in it is opened. A pickle among
them could do anything at all, so it is refused even where the hash is right.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from ml.pickles import find_pickles

if TYPE_CHECKING:
    from pathlib import Path


class UnsafeModelError(RuntimeError):
    """A stored model that is not opened."""


class ModelTamperedError(UnsafeModelError):
    """A stored model whose files are not those that were registered."""


class PickledModelError(UnsafeModelError):
    """A stored model with a pickle among its files."""


NOTE_OF_MLFLOW: Final = "registered_model_meta"
"""MLflow writes name and version of a model into this file beside the others when it loads it from a local folder, and
reads nothing from it; who has loaded a model has not changed it."""


def hash_folder(folder: Path) -> str:
    """Give the SHA-256 of all files below a folder: 64 hex digits over their relative paths, lengths and bytes.

    The note that MLflow leaves in the folder itself does not count.

    Raises:
        FileNotFoundError: The folder holds no file.
    """
    digest = hashlib.sha256()
    found = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    files = sorted((name, path) for name, path in found if name != NOTE_OF_MLFLOW)
    if not files:
        raise FileNotFoundError(f"expected the files of a model in {folder}, found none: train and register it again.")
    for name, path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{name}\0{path.stat().st_size}\0{content}\n".encode())
    return digest.hexdigest()


def check_folder(folder: Path, *, expected: str | None, model: str) -> None:
    """Refuse a folder whose hash is not the one expected, or that holds a pickle.

    Args:
        folder: Where the model's files lie.
        expected: Hash recorded at registration; None if none was.
        model: Name and version, for the message.

    Raises:
        ModelTamperedError: The hash differs, or none was recorded.
        PickledModelError: One of the files is a pickle, or holds one.
    """
    found = hash_folder(folder)
    if found != expected:
        msg = (
            f"expected the files of {model} to hash to {expected or 'a recorded value'}, found {found}: they are not "
            "what was registered; point the alias to another version, or train again."
        )
        raise ModelTamperedError(msg)
    if pickle := next(find_pickles(folder), None):
        msg = (
            f"expected no pickle among the files of {model}, found {pickle}: whoever opens it runs its program; "
            "train again with what this project stores."
        )
        raise PickledModelError(msg)
