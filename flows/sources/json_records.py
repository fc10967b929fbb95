"""JSON as it is handed around: an array, one object a line, objects one after the other, blank lines between them.

The standard library's decoder finds where each object ends, so the same loop reads all of these, with memory bounded by
one object. A record that is no JSON ends where a line begins an object, at its margin or as far in as the record's own
line did; its bytes are kept.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from flows.sources.drafts import ObjectRecord

READ_BYTES = 1_000_000
MAX_RECORD_CHARACTERS = 16_000_000
"""An object that is longer was never closed."""
_NEAR_THE_END = 16
"""Characters of a literal, number or escape that the end of the buffer may have cut."""
_BETWEEN = " \t\r\n,[]\ufeff"
"""What may stand between two objects of an array or of a stream."""
_MAX_INDENT = 80


class InexactNumber(str):
    """A number with a fraction or an exponent, as it was spelt: what a float would make of it is nobody's id."""

    __slots__ = ()


def read_json_records(stream: BinaryIO) -> Iterator[ObjectRecord]:
    r"""Yield every object of a stream, broken ones included, in order.

    >>> import io
    >>> content = b'[{"a": 1},\r\n\r\n{"a": 1, "a": 2}]\n{"cut": \n{"b": NaN}{"c": 3}'
    >>> for record in read_json_records(io.BytesIO(content)):
    ...     print(record.byte_offset, record.error or record.value)
    1 {'a': 1}
    14 key 'a' stands twice
    32 not JSON: Expecting ',' delimiter
    41 NaN is no number
    51 {'c': 3}
    """
    buffer, decoder = _Buffer(stream), _Decoder()
    number = 0
    while buffer.skip(_BETWEEN):
        number += 1
        yield _next_record(buffer, decoder, number)


def _next_record(buffer: "_Buffer", decoder: "_Decoder", number: int) -> ObjectRecord:
    while True:
        value: Any = None
        end: int | None = None
        try:
            value, end = decoder.decode(buffer.text, buffer.at)
            error = decoder.fault or (None if isinstance(value, dict) else "not a JSON object")
            may_go_on = not isinstance(value, dict) and end > len(buffer.text) - _NEAR_THE_END  # a number, by 1 or .5
        except json.JSONDecodeError as broken:
            error, may_go_on = f"not JSON: {broken.msg}", _may_be_cut(broken, buffer)
        except RecursionError:
            error, may_go_on = "nested too deeply", False
        except ValueError:  # a whole number of thousands of digits, unless a fraction follows
            error, may_go_on = "not JSON: a number is too long", buffer.text[-1].isdigit()
        if may_go_on and buffer.read_more():
            continue
        offset, content = buffer.take(buffer.next_start() if end is None else end)
        try:
            content.decode()
        except UnicodeDecodeError:
            error = "not valid UTF-8"
        return ObjectRecord(number, offset, content, value if error is None else {}, error)


def _may_be_cut(broken: json.JSONDecodeError, buffer: "_Buffer") -> bool:
    """Say whether more of the stream may mend it."""
    return broken.msg.startswith("Unterminated string") or broken.pos >= len(buffer.text) - _NEAR_THE_END


class _Decoder:
    """Decodes one object and notes what JSON allows but no reader can trust."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=InexactNumber, parse_constant=self._constant
        )

    def decode(self, text: str, at: int) -> tuple[Any, int]:
        self.fault = None
        return self._decoder.raw_decode(text, at)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs) and not self.fault:
            names = [name for name, _ in pairs]
            repeated = next(name for name in names if names.count(name) > 1)
            self.fault = f"key {repeated[:40]!r} stands twice"
        return value

    def _constant(self, name: str) -> None:
        self.fault = self.fault or f"{name} is no number"


class _Buffer:
    """The part of the stream that is being decoded, with the place of its first byte."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._is_finished = False
        self._offset = 0
        self._opening = "\n"  # what stood before the record on its line, and the line feed before that
        self.text = ""
        self.at = 0

    def read_more(self) -> bool:
        """Read on behind what is held; False at the stream's end or if one record has grown too long."""
        if self._is_finished or len(self.text) - self.at > MAX_RECORD_CHARACTERS:
            return False
        content = self._stream.read(max(READ_BYTES, len(self.text) - self.at))
        self._is_finished = not content
        self.text = self.text[self.at :] + self._decoder.decode(content, final=self._is_finished)
        self.at = 0
        return True

    def skip(self, characters: str) -> bool:
        """Go on to the first character that is none of these; False if the stream ends before."""
        while True:
            rest = len(self.text)
            while self.at < rest and self.text[self.at] in characters:
                found = self.text[self.at]
                self._opening = found if found == "\n" else self._opening[:_MAX_INDENT] + found
                self._offset += len(found.encode())
                self.at += 1
            if self.at < rest:
                return True
            if not self.read_more():
                return False

    def take(self, end: int) -> tuple[int, bytes]:
        """Return the offset and the bytes from here to there, and go on from there."""
        content = self.text[self.at : end].encode("utf-8", "surrogateescape")
        offset, self._offset, self.at = self._offset, self._offset + len(content), end
        self._opening = "\n" if content.endswith(b"\n") else ""
        return offset, content

    def next_start(self) -> int:
        """Return where the next line begins an object, or the end of what one record may take."""
        opening = "\n{" if self._opening[:1] != "\n" else "\n{|" + re.escape(self._opening + "{")
        pattern = re.compile(opening)
        while not (found := pattern.search(self.text, self.at)) and self.read_more():
            pass
        return found.start() + 1 if found else len(self.text)
