"""The query language: its grammar, and one sentence for whoever breaks it.

    flu OR influenza                 either word
    fever cough, fever AND cough     both; AND binds before OR
    -vaccine, NOT vaccine            not this word; a leading minus, or NOT
    (fever OR chills) cough          parentheses
    "whooping cough"                 adjacent words, or any characters at all
    #measles                         only as a hashtag; a word without # is found as a hashtag too
    {flu|influenza|"bird flu"}       synonyms, written out
    ~fever                           the synonyms named `fever` in the topic file

A parsed query always wants something: one that a post without any of its words would match is refused.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast

from lark import Lark, Token, Transformer, UnexpectedInput

from flows.errors import EpilakeError
from flows.topics.complaints import complain_of_input, find_misuse
from flows.topics.expression import And, Expression, Hashtag, Leaf, Not, Or, Phrase, Synonyms, Term, evaluate

MAX_LENGTH = 10_000
"""Characters of a query."""

MAX_DEPTH = 30
"""Parentheses open at the same time."""

_PUNCTUATION = r"""!"#$%(),:;<=>?@\[\\\]^`{|}~*“”„‟«»‹›（）｛｝｜＃～：；，。、！？「」『』…–—"""
_LETTER = rf"[^\s{_PUNCTUATION}&'+\-.\/_]"
_GRAMMAR = rf"""
?start: alternatives
?alternatives: conjunction ("OR" conjunction)*
?conjunction: factor ("AND"? factor)*
?factor: ("NOT" | _MINUS) atom -> negation
       | atom
?atom: leaf | synonyms | "(" alternatives ")"
synonyms: "{{" leaf ("|" leaf)* "}}"
        | NAMED
?leaf: WORD -> term
     | PHRASE -> phrase
     | HASHTAG -> hashtag

WORD: /{_LETTER}+(?:[&'+\-.\/_]+{_LETTER}+)*/
PHRASE: /"[^"\\]*"/
HASHTAG: /#(?:{_LETTER}|_)+/
NAMED: /~[a-z][a-z0-9_]*/
_MINUS: /(?<![^\s(])-(?=[^\s\-])/
%ignore /\s+/
"""


class _Builder(Transformer[Token, Expression]):
    """Makes the expression from lark's tree; the tree is no deeper than `MAX_DEPTH` allows."""

    def __init__(self, synonyms: Mapping[str, tuple[Leaf, ...]]) -> None:
        super().__init__()
        self._synonyms = synonyms

    def alternatives(self, parts: list[Expression]) -> Expression:
        return Or(tuple(parts))

    def conjunction(self, parts: list[Expression]) -> Expression:
        return And(tuple(parts))

    def negation(self, parts: list[Expression]) -> Expression:
        return Not(parts[0])

    def synonyms(self, parts: list[Any]) -> Expression:
        if isinstance(parts[0], Token):
            name = str(parts[0])[1:]
            return Synonyms(self._synonyms[name], name)
        return Synonyms(tuple(parts))

    def term(self, parts: list[Token]) -> Expression:
        return Term(str(parts[0]))

    def phrase(self, parts: list[Token]) -> Expression:
        return Phrase(" ".join(parts[0][1:-1].split()))

    def hashtag(self, parts: list[Token]) -> Expression:
        return Hashtag(str(parts[0])[1:])


def parse_query(
    text: str, *, topic: str = "", language: str = "", synonyms: Mapping[str, tuple[Leaf, ...]] | None = None
) -> Expression:
    """Read a query.

    Args:
        text: The query.
        topic: Name of the topic, for the sentence of an error.
        language: Code of the language, likewise.
        synonyms: Members of each named set.

    Raises:
        EpilakeError: The query breaks the grammar, is too long or too deep, or says only what it does not want.

    >>> parse_query("flu -vaccine")
    And(parts=(Term(text='flu'), Not(part=Term(text='vaccine'))))
    """
    place = f"Topic {topic}, language {language}" if topic else "Query"
    if len(text) > MAX_LENGTH:
        raise EpilakeError(
            f"{place}: expected at most {MAX_LENGTH:,} characters, found {len(text):,}: split the topic."
        )
    try:
        _check(_make_lexer().lex(text), place, synonyms or {})
        tree = _make_parser().parse(text)
    except UnexpectedInput as error:
        raise EpilakeError(f"{place}, {complain_of_input(error, text)}") from None
    expression = _Builder(synonyms or {}).transform(cast("Any", tree))
    if evaluate(expression, lambda _: False):
        raise EpilakeError(
            f"{place}, column 1: a query must say what it wants, not only what it does not: add a word that a post "
            "must hold, outside of NOT."
        )
    return expression


def parse_leaf(text: str) -> Leaf:
    """Read one member of a named set of synonyms: `#tag`, a word, or several words, which are a phrase.

    Raises:
        EpilakeError: It is none of these.

    >>> parse_leaf("fièvre"), parse_leaf("high temperature"), parse_leaf("#flu")
    (Term(text='fièvre'), Phrase(text='high temperature'), Hashtag(text='flu'))
    """
    quoted = f'"{text}"' if len(text.split()) > 1 else text
    leaf = parse_query(quoted)
    if not isinstance(leaf, Leaf):
        raise EpilakeError(
            f"Query: expected one word, one phrase or one hashtag, found {text!r}: list its parts singly."
        )
    return leaf


@cache
def _make_lexer() -> Lark:
    """A grammar without a parser keeps its lexer; one with a parser makes its lexer anew whenever it only lexes."""
    return Lark(_GRAMMAR, parser=None, lexer="basic")


@cache
def _make_parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="basic")


def _check(tokens: Iterable[Token], place: str, synonyms: Mapping[str, tuple[Leaf, ...]]) -> None:
    """Refuse what the grammar cannot: too deep a nesting, unknown names, words without a letter, small `or`."""
    depth = 0
    for token in tokens:
        depth += {"LPAR": 1, "RPAR": -1}.get(token.type, 0)
        column = (token.start_pos or 0) + 1
        if depth > MAX_DEPTH:
            raise EpilakeError(
                f"{place}, column {column}: expected at most {MAX_DEPTH} parentheses inside each other, found one "
                "more: write it flatter."
            )
        if misuse := find_misuse(token, synonyms):
            raise EpilakeError(f"{place}, column {column}: {misuse}.")
