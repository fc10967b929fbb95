"""The rules of X's filtered stream, which belong to the application and outlast every connection."""

from datetime import datetime
from typing import Any

from flows.collectors.twitter.client import XClient
from flows.errors import EpilakeError


def set_rules(client: XClient, requests: tuple[str, ...], *, until: datetime) -> dict[str, str]:
    """Make the application's rules the requests, no more and no less, and return id of a rule → the request.

    Rules that others have set for the same application are removed: what they match would be billed.

    Raises:
        EpilakeError: X does not take a request as a rule; the message says which and why.
    """
    from tweepy import StreamRule  # type: ignore[import-untyped]

    rules = read_rules(client, until)
    surplus = [rule_id for rule_id, value in rules.items() if value not in requests]
    if surplus:
        client.ask("the removal of rules", lambda: client.stream.delete_rules(surplus), until=until)
    missing = [StreamRule(value=request) for request in requests if request not in rules.values()]
    if not missing:
        return {rule_id: value for rule_id, value in rules.items() if value in requests}
    _, answer = client.ask_json("the rules", lambda: client.stream.add_rules(missing), until=until)
    rules = read_rules(client, until)
    refused = [request for request in requests if request not in rules.values()]
    if refused:
        raise EpilakeError(f"X does not take the rule {refused[0]!r} ({describe_errors(answer)}): correct the topic.")
    return rules


def read_rules(client: XClient, until: datetime) -> dict[str, str]:
    """Return id → value of the rules that the application has."""
    _, answer = client.ask_json("the list of rules", client.stream.get_rules, until=until)
    return {str(rule["id"]): str(rule["value"]) for rule in answer.get("data") or []}


def describe_errors(answer: dict[str, Any]) -> str:
    """Return what X says about rules that it did not take.

    >>> describe_errors({"errors": [{"title": "Invalid", "details": ["no viable alternative"]}]})
    'Invalid, no viable alternative'
    """
    errors = answer.get("errors") or []
    parts = [text for error in errors for text in (error.get("title"), *(error.get("details") or [])) if text]
    return ", ".join(dict.fromkeys(map(str, parts))) or "it does not say why"
