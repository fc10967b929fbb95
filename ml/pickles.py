"""Whether bytes are a pickle: a program that runs when it is opened.

Stands apart from `ml.integrity`, which knows what was registered: this looks at what a file is, whatever its name says.
A name is enough to refuse; content is looked at too, inside archives and through compression, because a pickle needs
no name. The opcodes are read by `pickletools`, which runs nothing.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SUFFIXES: Final = frozenset(
    {".pkl", ".pickle", ".p", ".pck", ".joblib", ".cloudpickle", ".dill", ".pt", ".pth", ".ckpt", ".sav"}
)
"""Names under which pickles are kept."""

LOOKED_AT_BYTES: Final = 64 * 1024 * 1024
"""How much of a file, or of a member of an archive, is looked at."""

_RUNS_CODE: Final = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"})
_PROTOCOL: Final = 0x80
_COMPRESSED: Final[tuple[tuple[bytes, Callable[[bytes], bytes]], ...]] = (
    (b"\x1f\x8b", lambda content: gzip.GzipFile(fileobj=io.BytesIO(content)).read(LOOKED_AT_BYTES)),
    (b"\x78", lambda content: zlib.decompressobj().decompress(content, LOOKED_AT_BYTES)),
    (b"BZh", lambda content: bz2.BZ2Decompressor().decompress(content, LOOKED_AT_BYTES)),
    (b"\xfd7zXZ", lambda content: lzma.LZMADecompressor().decompress(content, LOOKED_AT_BYTES)),
)


def find_pickles(folder: Path) -> Iterator[str]:
    """Find the files below a folder that are pickles or hold one; yields `path: why`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                why = describe_pickle(path.name, file.read(LOOKED_AT_BYTES))
            if why:
                yield f"{path.relative_to(folder).as_posix()}: {why}"


def describe_pickle(name: str, content: bytes) -> str | None:
    r"""Say why a file is taken for a pickle; None if it is none.

    >>> describe_pickle("model.pkl", b"")
    'named like a pickle'
    >>> describe_pickle("data", b"cos\nsystem\n(S'true'\ntR.")
    'a pickle that calls os system'
    >>> describe_pickle("part-00000.json", b'{"class": "org.apache.spark.ml.PipelineModel"}')
    """
    if PurePosixPath(name.lower()).suffix in SUFFIXES:
        return "named like a pickle"
    if content[:6] == b"\x93NUMPY" and b"|O'" in content[:256]:
        return "an array of Python objects, which are kept as a pickle"
    for magic, unpack in _COMPRESSED:
        if content.startswith(magic):
            try:
                content = unpack(content)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
                return None
            break
    return _describe_archive(content) or _describe_opcodes(content)


def _describe_archive(content: bytes) -> str | None:
    """Look at the members of a ZIP archive one by one."""
    if not content.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    if why := describe_pickle(member.filename, file.read(LOOKED_AT_BYTES)):
                        return f"{member.filename} in it is {why}"
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, zlib.error):  # damaged or sealed: refused
        return "an archive that cannot be looked into"
    return None


def _describe_opcodes(content: bytes) -> str | None:
    """Read a program of opcodes to its end: whatever has one, and declares a protocol or calls something, is a pickle.

    Text that happens to begin like one breaks off at an opcode that does not exist, or before any call.
    """
    calls, is_declared = [], content[:1] == bytes([_PROTOCOL]) and content[1:2] <= b"\x05"
    try:
        for opcode, argument, _ in pickletools.genops(io.BytesIO(content)):
            if opcode.name in _RUNS_CODE:
                calls.append(str(argument or opcode.name))
    except Exception:  # pickletools raises whatever its decoders do
        return "a pickle that breaks off" if is_declared and calls else None
    if not calls:
        return "a pickle" if is_declared else None
    return f"a pickle that calls {calls[0]}"
