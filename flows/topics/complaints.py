"""What is wrong with a query, in words: what was expected at which column, what was found, what to do."""

import unicodedata
from collections.abc import Collection

from lark import Token, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from flows.topics.folding import fold

_END = "$END"
_EXPECTED = {
    "WORD": "a word",
    "PHRASE": "a quoted phrase",
    "HASHTAG": "a #hashtag",
    "LPAR": "an opening parenthesis",
    "OR": "AND or OR",
    "VBAR": "a vertical bar",
    "RBRACE": "a closing brace",
    "RPAR": "a closing parenthesis",
    _END: "the end of the query",
}
_HINTS = {
    '"': "close the quote, and leave backslashes out of it",
    ")": "open a parenthesis before it, or delete it",
    "(": "put a word, AND or OR before it",
    "|": "a vertical bar stands only between braces; elsewhere write OR",
    "{": "braces hold words, phrases and hashtags, separated by vertical bars",
    "}": "open the brace before it, and write a word between braces",
    "-": "put a space before a minus and none behind it",
    "~": "write the name of a set of synonyms right behind it, in lower case",
    ":": "what only one source understands, like lang:en, has no place in a topic",
    "*": "there is no wildcard: list the words",
    ",": "put OR between alternatives",
    "\\": "leave it out",
    "AND": "write the words that it joins, on both sides",
    "OR": "write the words that it joins, on both sides",
    "NOT": "write it once, before a word or a parenthesis",
    _END: "finish the query, or delete the last operator",
}
_LONGEST_SHOWN = 40
_CURLY = "“”„‟«»‹›"


def complain_of_input(error: UnexpectedInput, text: str) -> str:
    """Put a syntax error into one sentence, without its beginning: column, expected, found, what to do.

    Args:
        error: As lark raised it.
        text: The query.

    >>> complain_of_input(UnexpectedEOF([]), "flu OR")[:71]
    'column 7: expected a word, a quoted phrase or a #hashtag, found the end'
    """
    found = _name_found(error, text)
    column = len(text) + 1 if found == _END else (error.pos_in_stream or 0) + 1
    shown = "the end" if found == _END else show(found)
    return f"column {column}: expected {_name_expected(error)}, found {shown}: {_hint(found, text)}."


def find_misuse(token: Token, synonyms: Collection[str]) -> str | None:
    """Say what is wrong with a token that the grammar accepts, without a full stop; None if nothing is.

    >>> find_misuse(Token("NAMED", "~fevr"), ["cough", "fever"])
    'expected the name of a set of synonyms (cough, fever), found `~fevr`: add the set to the file, in this language'
    """
    if token.type == "NAMED":
        known = ", ".join(sorted(synonyms)) or "there is none"
        hint = "add the set to the file, in this language"
        unknown = f"expected the name of a set of synonyms ({known}), found {show(token)}: {hint}"
        return None if token[1:] in synonyms else unknown
    if token.type == "WORD" and token in {"and", "or", "not"}:
        return f"expected a word to look for, found {show(token)}: write {token.upper()}, or put the word in quotes"
    if token.type in {"WORD", "PHRASE", "HASHTAG"} and not _is_findable(token):
        return f"expected something with a letter, a digit or a symbol, found {show(token)}: write what posts say"
    if token.type == "HASHTAG" and token[1:].isdigit():
        return f"expected a #hashtag with a letter, found {show(token)}: leave out the #, or add a letter"
    return None


def show(text: str) -> str:
    r"""Quote a piece of a query for a sentence: shortened, and in characters that every terminal takes.

    >>> show("flu"), show("x" * 99), show("\ud800")
    ('`flu`', '`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`', '`\\ud800`')
    """
    printable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"`{printable}`" if len(printable) <= _LONGEST_SHOWN else f"`{printable[: _LONGEST_SHOWN - 4]}…`"


def _is_findable(text: str) -> bool:
    kinds = {unicodedata.category(character) for character in fold(text)}
    return "Cs" not in kinds and any(kind[0] in "LN" or kind == "So" for kind in kinds)


def _name_found(error: UnexpectedInput, text: str) -> str:
    match error:
        case UnexpectedToken(token=Token(type="$END")) | UnexpectedEOF():
            return _END
        case UnexpectedToken(token=token):
            return str(token)
        case UnexpectedCharacters(char=character):
            return str(character)
        case _:
            return text[error.pos_in_stream or 0 :][:1]


def _name_expected(error: UnexpectedInput) -> str:
    accepted = error.accepts or error.expected if isinstance(error, UnexpectedToken) else {"WORD", "PHRASE", "HASHTAG"}
    *first, last = [words for kind, words in _EXPECTED.items() if kind in accepted] or ["something else"]
    return f"{', '.join(first)} or {last}" if first else last


def _hint(found: str, text: str) -> str:
    if found == _END and text.count("(") > text.count(")"):
        return "close every parenthesis"
    if found == _END and text.count("{") > text.count("}"):
        return "close the brace"
    if found in _CURLY:
        return "write straight quotes"
    return _HINTS.get(found, "put it in quotes if it is part of what posts say")
