"""A person's request to be forgotten, noted: pseudonyms of whom it is about, and what the next erasure carries out.

Only the id of a post stands in the lake until then, as it would in a source's own notice. What is refused from now on
is known by its pseudonym.
"""

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from flows.admission import open_admission
from flows.errors import EpilakeError
from flows.lake.contracts import DELETIONS, ERASURES, POSTS, REJECTS
from flows.lake.purge import delete_keys
from flows.lake.tables import append_rows, arrow_schema, query_batches
from flows.privacy.protect import IDENTITY_KINDS, says_nothing
from flows.privacy.secret import Secret
from flows.settings import Settings
from flows.sources.known import find_source

REQUEST = "erasure"
MIN_NEEDLE_BYTES = 4
"""A shorter name would be found in records that have nothing to do with its bearer."""


def request_erasure(settings: Settings, *, source: str, post: str | None, author: str | None) -> dict[str, int]:
    """Note that a post, or an author with all their posts, is to be erased, and refuse them from now on.

    Refused records that name them are removed at once, for their bytes are nowhere else looked at.

    Args:
        settings: The installation.
        source: Name of the source.
        post: Id of the post.
        author: Id, handle or name of the author, as the source spells it.

    Raises:
        EpilakeError: Neither or both were given, or there is no such source.
    """
    if bool(post) == bool(author):
        raise EpilakeError("Say whom or what to erase: --author with an id, handle or name, or --post with an id.")
    find_source(source)
    admission, identity = open_admission(settings), post or author or ""
    secret = admission.secret
    subject = secret.pseudonym(source, identity)
    authors = find_author_keys(settings, secret, source, subject) if author else set()
    removed = delete_rejects(settings, secret, source, identity)
    shut_out = {subject} | authors
    held = admission.name_post(find_source(source), post) if post else None
    authors_to_erase: list[str | None] = [*sorted(shut_out)] if author else [None]
    _note(settings, source, shut_out=shut_out, post=held, authors=authors_to_erase)
    return {REJECTS.name: removed}


def find_author_keys(settings: Settings, secret: Secret, source: str, subject: str) -> set[str]:
    """Return the keys of the accounts that are known under an identity: by id, handle or name, kept or hashed."""
    names = [field.name for field in find_source(source).fields if field.kind in IDENTITY_KINDS]
    sql = f"select distinct author_key, {', '.join(names)} from rows where author_key is not null"  # noqa: S608 - names of our own
    return {
        row["author_key"]
        for batch in query_batches(settings, POSTS[source].name, sql)
        for row in batch.to_pylist()
        if subject in {row["author_key"], *(held for name in names for held in _spellings(row[name], secret, source))}
    }


def _spellings(held: str | None, secret: Secret, source: str) -> tuple[str, ...]:
    return (held, secret.pseudonym(source, held)) if held else ()


def delete_rejects(settings: Settings, secret: Secret, source: str, identity: str) -> int:
    """Delete the refused records of a source whose bytes hold an identity, in any case; return their number."""
    import pyarrow as pa

    needle = identity.strip().removeprefix("@").casefold()
    if len(needle.encode()) < MIN_NEEDLE_BYTES:
        return 0
    found = [
        {name: row[name] for name in REJECTS.key}
        for row, content in read_rejects(settings, secret, f"source = '{source}'")
        if needle in content.decode(errors="replace").casefold()
    ]
    schema = arrow_schema(REJECTS)
    keys = pa.Table.from_pylist(found, pa.schema([schema.field(name) for name in REJECTS.key]))
    return delete_keys(settings, REJECTS.name, keys)


def read_rejects(
    settings: Settings, secret: Secret, where: str = "true", *, limit: int | None = None
) -> Iterator[tuple[dict[str, object], bytes]]:
    """Yield refused records, the latest first, each with its bytes as they stood, unsealed if need be."""
    bound = f"limit {limit}" if limit else ""
    sql = f"select * from rows where {where} order by rejected_at desc, batch_id, record_number {bound}"  # noqa: S608 - conditions of our own
    for row in (row for batch in query_batches(settings, REJECTS.name, sql) for row in batch.to_pylist()):
        content = row["record_bytes"]
        is_plain = not row["is_sealed"] or says_nothing(content)
        yield row, content if is_plain else secret.unseal(content)


def _note(
    settings: Settings, source: str, *, shut_out: set[str], post: str | None, authors: Sequence[str | None]
) -> None:
    """Write who is shut out, and then what is to be carried out."""
    now, batch = datetime.now(UTC), f"request:{uuid.uuid4().hex}"
    noted = {"source": source, "kind": "request", "is_shut_out": True, "noted_at": now, "receipt": "{}"}
    refused = [{**noted, "subject_key": key, "flow_run_id": batch} for key in sorted(shut_out)]
    append_rows(settings, ERASURES, refused, only_new=True)
    place = {"batch_id": batch, "file_name": "", "byte_offset": 0, "received_at": now, "noticed_at": None}
    notices = [
        {**place, "source": source, "kind": REQUEST, "post_id": post, "author_key": key, "record_number": number}
        for number, key in enumerate(authors, 1)
    ]
    append_rows(settings, DELETIONS, notices)


def list_rejects(settings: Settings, *, reason: str, limit: int) -> list[dict[str, object]]:
    """Return the latest refused records whose reason holds some words, with their bytes as text in `record`."""
    from flows.privacy.secret import load_secret

    where = "true" if not reason else f"strpos(reason, '{reason.replace(chr(39), chr(39) * 2)}') > 0"
    found = []
    for row, content in read_rejects(settings, load_secret(settings), where, limit=limit):
        told = {name: held for name, held in row.items() if name != "record_bytes"}
        found.append({**told, "record": content.decode("utf-8", "backslashreplace")})
    return found
