"""What the record of a Bluesky post says, as its author's program wrote it: text, facets, embeds, labels.

Facets name places in the text by bytes of its UTF-8; all that is needed of them stands in their features.
"""

import json
from typing import Any

from flows.sources.drafts import as_text
from flows.sources.json_values import as_list, as_object, objects, texts, words

KNOWN = frozenset(
    {"$type", "text", "createdAt", "langs", "facets", "tags", "reply", "embed", "labels", "subject", "via"}
)


def read_record(record: dict[str, Any], *, is_repost: bool) -> tuple[dict[str, str | None], dict[str, Any]]:
    """Return the fields that a record gives, and the part of it that is not known."""
    embed, reply, via = as_object(record.get("embed")), as_object(record.get("reply")), record.get("via")
    facets = [feature for facet in objects(record.get("facets")) for feature in objects(facet.get("features"))]
    hashtags = texts([*(feature.get("tag") for feature in facets), *as_list(record.get("tags"))])
    external = as_object(embed.get("external")) or as_object(as_object(embed.get("media")).get("external"))
    values = {
        "created_at": as_text(record.get("createdAt")),
        "text": "" if is_repost else as_text(record.get("text")),
        "langs": words(as_list(record.get("langs"))),
        "hashtags": as_text(hashtags) if hashtags else None,
        "mentions": words(feature.get("did") for feature in facets),
        "links": words(feature.get("uri") for feature in facets),
        "reply_parent": link(reply.get("parent")),
        "reply_root": link(reply.get("root")),
        "quote_of": link(embed.get("record")) or link(as_object(embed.get("record")).get("record")),
        "is_repost": as_text(is_repost),
        "repost_of": link(record.get("subject")) if is_repost else None,
        "repost_via": link(via),
        "external_url": as_text(external.get("uri")),
        "external_title": as_text(external.get("title")),
        "media_descriptions": "\n".join(describe_media(embed)) or None,
        "labels": words(label.get("val") for label in objects(as_object(record.get("labels")).get("values"))),
        "via": via if isinstance(via, str) else None,
    }
    return values, {name: held for name, held in record.items() if name not in KNOWN}


def describe_media(embed: dict[str, Any]) -> list[str]:
    """Return the descriptions of what is shown with a post; those that are empty are left out.

    >>> describe_media({"$type": "app.bsky.embed.images", "images": [{"alt": "A clinic."}, {"alt": ""}]})
    ['A clinic.']
    """
    shown = [embed, as_object(embed.get("media"))]
    media = [item for holder in shown for item in (holder, *objects(holder.get("images")))]
    return [item["alt"] for item in media if isinstance(item.get("alt"), str) and item["alt"]]


def spell_record(row: dict[str, str | None], collection: str) -> dict[str, Any]:
    """Return the record of a post with Bluesky's names."""
    record: dict[str, Any] = {"$type": collection, "createdAt": row.get("created_at"), "via": row.get("via")}
    if row.get("is_repost") == "true":
        return record | {"subject": {"uri": row.get("repost_of")}, "via": {"uri": row.get("repost_via")}}
    record |= {"text": row.get("text"), "langs": (row.get("langs") or "").split(), "facets": spell_facets(row)}
    if row.get("reply_parent") or row.get("reply_root"):
        record["reply"] = {"parent": {"uri": row.get("reply_parent")}, "root": {"uri": row.get("reply_root")}}
    record["embed"] = spell_embed(row)
    record["labels"] = {"values": [{"val": label} for label in (row.get("labels") or "").split()]}
    return record


def spell_embed(row: dict[str, str | None]) -> dict[str, Any] | None:
    """Return what a post shows within itself: a record, a card, an image; None if it shows nothing.

    >>> spell_embed({"quote_of": "at://did:plc:7x/app.bsky.feed.post/3l3q"})
    {'$type': 'app.bsky.embed.record', 'record': {'uri': 'at://did:plc:7x/app.bsky.feed.post/3l3q'}}
    """
    card = {"uri": row.get("external_url"), "title": row.get("external_title")}
    media: dict[str, Any] = {"external": card} if any(card.values()) else {}
    if row.get("media_descriptions"):
        media["images"] = [{"alt": row["media_descriptions"]}]
    if not row.get("quote_of"):
        return {"$type": f"app.bsky.embed.{next(iter(media))}", **media} if media else None
    quoted = {"$type": "app.bsky.embed.record", "record": {"uri": row["quote_of"]}}
    return {"$type": "app.bsky.embed.recordWithMedia", "record": quoted, "media": media} if media else quoted


def spell_facets(row: dict[str, str | None]) -> list[dict[str, Any]]:
    """Return the features of a post's text, without their places in it.

    >>> spell_facets({"hashtags": '["flu"]', "mentions": "did:plc:7x"})
    [{'features': [{'tag': 'flu'}]}, {'features': [{'did': 'did:plc:7x'}]}]
    """
    features = [{"tag": tag} for tag in json.loads(row.get("hashtags") or "[]")]
    features += [{"did": did} for did in (row.get("mentions") or "").split()]
    features += [{"uri": uri} for uri in (row.get("links") or "").split()]
    return [{"features": [feature]} for feature in features]


def link(reference: object) -> str | None:
    """Return the address that a reference to a record holds.

    >>> link({"uri": "at://did:plc:7x/app.bsky.feed.post/3l3q", "cid": "bafy"}), link(None)
    ('at://did:plc:7x/app.bsky.feed.post/3l3q', None)
    """
    return as_text(as_object(reference).get("uri"))
