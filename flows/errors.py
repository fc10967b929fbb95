"""The errors that a user can act on: each message is one sentence that says what was expected, found and to do."""


class EpilakeError(Exception):
    """A command cannot go on; the message is written for the person who typed it."""


class RefusedRecordError(EpilakeError):
    """A record cannot be read; the message is the reason under which it is kept."""


class RefusedBatchError(EpilakeError):
    """A batch holds too many refused records; nothing of it was written."""


class UnknownHeaderError(EpilakeError):
    """A file's first record is not a header that the source knows."""


class UnreadableFileError(EpilakeError):
    """A file is missing, is not what its first bytes say, or ends inside its compressed stream."""


class OverblownFileError(EpilakeError):
    """A compressed file is a bomb: it grows out of all proportion."""


class RefusedTrainingError(EpilakeError):
    """The posts at hand cannot teach an honest model; everything before training stands."""


class NoModelYetError(EpilakeError):
    """Scoring was asked for and no version has the alias."""


class NotReproducibleError(EpilakeError):
    """What a model was learnt from cannot be read any more."""
