"""A policy applied to one chunk: posts refused, fields dropped, hashed, masked or made coarse, all in memory."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from typing import TYPE_CHECKING

from flows.privacy.masks import MIN_NAME_CHARACTERS, change_suspects, find_named, mask_names, mask_patterns, replace_all
from flows.privacy.policy import Action, Mask, Policy, Refusal, Rejects
from flows.privacy.secret import Secret
from flows.sources import Chunk, Kind, Reject, Source
from flows.sources import Field as SourceField

if TYPE_CHECKING:
    import pyarrow as pa

IDENTITY_KINDS = (Kind.AUTHOR_ID, Kind.AUTHOR_HANDLE, Kind.AUTHOR_NAME)
"""By what an account is known, the most lasting first."""
KNOWN_AUTHORS = 100_000
"""Of so many authors what was worked out is remembered: the same ones post in every chunk."""
SIGN_AROUND = r"^[^\p{L}\p{N}_]|[^\p{L}\p{N}_]$"
AROUND = r"^[^\p{L}\p{N}_]+|[^\p{L}\p{N}_]+$"
"""Signs and emoji around a name: it is known without them."""
SPREADSHEET_ERRORS = frozenset({"#NAME?", "#VALUE!", "#REF!", "#N/A", "#NUM!", "#DIV/0!", "#NULL!"})
"""What a spreadsheet leaves of a name that it took for a formula: nobody's name, so kept as it is."""


def protect(policy: Policy, source: Source, chunk: Chunk, *, secret: Secret, shut_out: frozenset[str]) -> Chunk:
    """Return what the policy lets in of a chunk; the rows gain `author_key`.

    Args:
        policy: The policy.
        source: The source that read the chunk.
        chunk: Checked records, as they stood.
        secret: The installation's secret.
        shut_out: Pseudonyms of accounts and posts that were erased and must not come back.
    """
    import pyarrow as pa

    rows = chunk.rows.append_column("author_key", pa.array(author_keys(source, chunk.rows, secret), pa.string()))
    reasons = refusals(policy, source, rows, secret, shut_out)
    if any(reasons):
        rows = rows.filter(pa.array([reason is None for reason in reasons]))
    return replace(
        chunk,
        rows=protect_fields(policy, source, rows, secret),
        rejects=[protect_reject(policy, reject, secret) for reject in chunk.rejects],
        refused=dict(Counter(filter(None, reasons))),
    )


def author_keys(source: Source, rows: "pa.Table", secret: Secret) -> list[str | None]:
    """Return the pseudonym of each row's account, by its most lasting identity; None if it has none."""
    import pyarrow.compute as pc

    names = [field.name for kind in IDENTITY_KINDS for field in source.fields if field.kind is kind]
    best = pc.coalesce(*(rows[name] for name in names))
    keys: list[str | None] = map_distinct(best, lambda identity: secret.pseudonym(source.name, identity)).to_pylist()
    return keys


def refusals(
    policy: Policy, source: Source, rows: "pa.Table", secret: Secret, shut_out: frozenset[str]
) -> list[str | None]:
    """Return per row why the policy does not let it in, or None."""
    reasons: list[str | None] = [None] * rows.num_rows
    for field in source.fields:
        if field.kind is Kind.AUTHOR_PROTECTED and Refusal.PROTECTED in policy.refuse:
            _mark(
                reasons,
                "account protected",
                [value is not None and value.lower() == "true" for value in _values(rows, field)],
            )
        if field.kind is Kind.WITHHELD and Refusal.WITHHELD in policy.refuse:
            _mark(reasons, "withheld by the platform", [value is not None for value in _values(rows, field)])
    if shut_out:
        names = [field.name for field in source.fields if field.kind in IDENTITY_KINDS]
        for name in (*names, "post_id"):
            keys = map_distinct(rows[name], lambda identity: secret.pseudonym(source.name, identity)).to_pylist()
            _mark(reasons, "erased earlier", [key in shut_out for key in keys])
    return reasons


def protect_fields(policy: Policy, source: Source, rows: "pa.Table", secret: Secret) -> "pa.Table":
    """Return the rows with the policy's action done to every field."""
    names = own_names(source, rows)
    actions = {field.name: (policy.action(source.name, field), field.kind) for field in source.fields}
    actions["rescued"] = (policy.rescued, Kind.TEXT)
    present = {name: action for name, action in actions.items() if rows[name].null_count < rows.num_rows}
    for name, (action, kind) in present.items():
        if action in (Action.DROP, Action.HASH, Action.COARSEN):
            rows = _replace(rows, name, change_column(rows[name], action, kind, partial(secret.pseudonym, source.name)))
    masked = [name for name, (action, _) in present.items() if action in (Action.MASK, Action.COARSEN)]
    rows = mask_columns(rows, masked, policy.masks)
    if Mask.OWN_NAME in policy.masks:
        own = [name for name in masked if actions[name][1] is not Kind.COMMUNITY]  # who is called as a town is not it
        rows = hide_own_names(rows, own, names)
    return protect_identity(policy, source, rows, secret)


def change_column(
    column: "pa.ChunkedArray", action: Action, kind: Kind, name: Callable[[str], str]
) -> "pa.ChunkedArray":
    """Return a column with every value dropped, hashed or made coarse; nulls stay.

    Args:
        column: Texts.
        action: `drop`, `hash` or `coarsen`.
        kind: What the field tells.
        name: Returns the pseudonym of an identity.
    """
    import pyarrow as pa

    if action is Action.DROP:
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    if action is Action.HASH:
        return map_distinct(column, partial(hash_identities, kind=kind, name=name))
    return map_distinct(column, COARSEN[kind])


def protect_identity(policy: Policy, source: Source, rows: "pa.Table", secret: Secret) -> "pa.Table":
    """Return the rows with what was read from their fields, the post's id and its time, protected as those are."""
    import pyarrow.compute as pc

    times = [field for field in source.fields if field.kind is Kind.TIME]
    if any(policy.action(source.name, field) is Action.COARSEN for field in times):
        rows = _replace(rows, "posted_at", pc.floor_temporal(rows["posted_at"], unit="hour"))
    if hides_post_ids(policy, source):
        named = map_distinct(rows["post_id"], lambda post_id: secret.name_post(source.name, post_id))
        rows = _replace(rows, "post_id", named)
    return rows


def _replace(rows: "pa.Table", name: str, column: "pa.ChunkedArray") -> "pa.Table":
    return rows.set_column(rows.schema.get_field_index(name), name, column)


def mask_columns(rows: "pa.Table", names: list[str], masks: frozenset[Mask]) -> "pa.Table":
    """Return the rows with each distinct value of some columns masked once; nulls stay.

    All columns go through the masks together: to make a pattern ready costs as much as to run it over a few thousand
    values.
    """
    import pyarrow as pa

    if not names:
        return rows
    encoded = [rows[name].combine_chunks().dictionary_encode() for name in names]
    masked = mask_patterns(pa.chunked_array([each.dictionary for each in encoded]), masks).combine_chunks()
    start = 0
    for name, each in zip(names, encoded, strict=True):
        values = masked.slice(start, len(each.dictionary)).take(each.indices)
        rows = _replace(rows, name, pa.chunked_array([values]))
        start += len(each.dictionary)
    return rows


def own_names(source: Source, rows: "pa.Table") -> list[tuple[str, ...]]:
    """Return each row's author's names and handles in lower case, with and without the signs and emoji around them.

    Those of a few characters are left out.
    """
    own = [field.name for field in source.fields if field.kind in (Kind.AUTHOR_NAME, Kind.AUTHOR_HANDLE)]
    columns = [_names_in(rows[name]) for name in own if rows[name].null_count < rows.num_rows]
    if len(columns) == 1:
        return columns[0]
    return [tuple(chain(*names)) for names in zip(*columns, strict=True)] or [()] * rows.num_rows


def _names_in(column: "pa.ChunkedArray") -> list[tuple[str, ...]]:
    import pyarrow.compute as pc

    encoded = column.combine_chunks().dictionary_encode()
    whole = pc.utf8_lower(encoded.dictionary)
    bare = change_suspects(whole, SIGN_AROUND, partial(replace_all, pattern=AROUND, replacement=""))
    names = [
        tuple(name for name in dict.fromkeys(spellings) if len(name) >= MIN_NAME_CHARACTERS)
        for spellings in zip(whole.to_pylist(), bare.to_pylist(), strict=True)
    ]
    names.append(())  # of those without a name
    return [names[at] for at in encoded.indices.fill_null(len(names) - 1).to_pylist()]


def hide_own_names(rows: "pa.Table", columns: list[str], names: list[tuple[str, ...]]) -> "pa.Table":
    """Return the rows with their authors' own names replaced in some columns; few rows hold any."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not columns:
        return rows
    together = pc.binary_join_element_wise(*(rows[name] for name in columns), "\n", null_handling="skip")
    places = find_named(pc.utf8_lower(together), names)
    if not places:
        return rows
    holds = pc.is_in(pa.array(range(rows.num_rows)), pa.array(places))
    for name in columns:
        found = zip(rows[name].take(places).to_pylist(), places, strict=True)
        hidden = [mask_names(text, names[place]) if text else text for text, place in found]
        values = pc.replace_with_mask(rows[name].combine_chunks(), holds, pa.array(hidden, pa.string()))
        rows = _replace(rows, name, pa.chunked_array([values]))
    return rows


def hides_post_ids(policy: Policy, source: Source) -> bool:
    """Say whether the policy wants pseudonyms for a source's post ids, because they spell out who the author is."""
    ids = [field for field in source.fields if field.kind is Kind.POST_ID]
    return any(policy.action(source.name, field) is Action.HASH for field in ids)


def protect_reject(policy: Policy, reject: Reject, secret: Secret) -> Reject:
    """Return a refused record with its bytes as the policy wants them; blank ones say nothing of anybody."""
    if policy.rejects is Rejects.KEEP or says_nothing(reject.record_bytes):
        return reject
    sealed = secret.seal(reject.record_bytes) if policy.rejects is Rejects.SEAL else b""
    return replace(reject, record_bytes=sealed)


def says_nothing(record_bytes: bytes) -> bool:
    r"""Say whether a record is blank, and so is never sealed.

    >>> says_nothing(b',,"",\r\n'), says_nothing(b",x")
    (True, False)
    """
    return not record_bytes.strip(b" \t\r\n,;\"'")


def hash_identities(value: str, *, kind: Kind, name: Callable[[str], str]) -> str:
    """Return the pseudonym of the identity in a field; a field of other persons holds several, separated by spaces."""
    if value in SPREADSHEET_ERRORS:
        return value
    return " ".join(map(name, value.split())) if kind is Kind.PERSON else name(value)


def coarsen_place(place: str) -> str:
    """Return a place without house numbers, postcodes and fine coordinates.

    >>> [coarsen_place(place) for place in ("22b Baker St, Springfield 62704", "ÜT: 40.74833,-73.98550", "Area 51")]
    ['Baker St, Springfield', 'ÜT: 40.7,-73.9', 'Area 51']
    """
    shortened = re.sub(r"(-?\d{1,3}\.\d)\d+", r"\1", place)
    unnumbered = re.sub(r"^\s*\d+[a-zA-Z]?\s+(?=[^\W\d])", "", shortened)
    return re.sub(r"(?<![\d.,-])\d{3,}[-\d]*\s?", "", unnumbered).strip()


def coarsen_coordinates(coordinates: str) -> str:
    """Return coordinates to one decimal of a degree, 11 km or less.

    >>> coarsen_coordinates("40.74833,-73.98550")
    '40.7,-73.9'
    """
    return re.sub(r"(-?\d{1,3}\.\d)\d+", r"\1", coordinates)


def coarsen_to_day(moment: str) -> str:
    """Return a moment with its time of day set to midnight, in its own spelling; seconds since 1970 too.

    >>> coarsen_to_day("2009-04-08 17:52:46"), coarsen_to_day("08-04-2009 17:52"), coarsen_to_day("1587218460")
    ('2009-04-08 00:00:00', '08-04-2009 00:00', '1587168000')
    """
    if moment.isdecimal():
        return str(int(moment) // 86_400 * 86_400)
    return re.sub(r"\d{2}:\d{2}(:\d{2}(?:\.\d+)?)?", lambda found: "00:00:00" if found[1] else "00:00", moment)


def coarsen_to_hour(moment: str) -> str:
    """Return a moment with its minutes and seconds set to zero, in its own spelling; seconds since 1970 too.

    >>> coarsen_to_hour("2009-04-08 17:52:46"), coarsen_to_hour("1587218460")
    ('2009-04-08 17:00:00', '1587218400')
    """
    if moment.isdecimal():
        return str(int(moment) // 3_600 * 3_600)
    return re.sub(
        r"(\d{2}):\d{2}(:\d{2}(?:\.\d+)?)?", lambda found: f"{found[1]}:00{':00' if found[2] else ''}", moment
    )


COARSEN: dict[Kind, Callable[[str], str]] = {
    Kind.PLACE: lru_cache(KNOWN_AUTHORS)(coarsen_place),
    Kind.COORDINATES: coarsen_coordinates,
    Kind.AUTHOR_CREATED: lru_cache(KNOWN_AUTHORS)(coarsen_to_day),
    Kind.TIME: coarsen_to_hour,
}


def map_distinct(column: "pa.ChunkedArray", change: Callable[[str], str]) -> "pa.ChunkedArray":
    """Return a column with each distinct value changed once; nulls stay."""
    import pyarrow as pa

    encoded = column.combine_chunks().dictionary_encode()
    changed = pa.array([change(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([changed.take(encoded.indices)])


def _mark(reasons: list[str | None], reason: str, applies: list[bool]) -> None:
    for at, is_so in enumerate(applies):
        if is_so and not reasons[at]:
            reasons[at] = reason


def _values(rows: "pa.Table", field: SourceField) -> list[str | None]:
    values: list[str | None] = rows[field.name].to_pylist()
    return values
