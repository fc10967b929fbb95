"""Plain text from the HTML in which Mastodon's API gives posts, and back."""

import html
from html.parser import HTMLParser

BREAKS = {"li": "\n"} | dict.fromkeys(
    ("p", "blockquote", "pre", "ul", "ol", "div", "h1", "h2", "h3", "h4", "h5", "h6"), "\n\n"
)
"""Block → what stands between it and its neighbours."""
UNSHOWN = frozenset({"script", "style"})


def html_to_text(content: str) -> str:
    r"""Return the text of a post: a line break is a newline, an empty line stands between paragraphs.

    That is how Mastodon itself makes posts plain. What a client hides of a long address (class `invisible`) is a part
    of the text, so that addresses are whole; nothing else is added, folded or trimmed.

    >>> html_to_text('<p>Fever &amp; cough,<br>day 3</p><p><a href="https://x.example/tags/flu">#<span>flu</span></a></p>')
    'Fever & cough,\nday 3\n\n#flu'
    """
    parser = _TextParser()
    parser.feed(content)
    parser.close()
    return "".join(parser.parts)


def text_to_html(text: str) -> str:
    r"""Return HTML from which `html_to_text` makes the text again.

    >>> text_to_html("Fever & cough,\nday 3")
    '<p>Fever &amp; cough,<br />day 3</p>'
    """
    escaped = html.escape(text).replace("\n", "<br />")
    return f"<p>{escaped}</p>"


class _TextParser(HTMLParser):
    """Collects the text; a paragraph's end is written when something follows it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._break = ""
        self._is_unshown = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._is_unshown = tag in UNSHOWN
        if tag == "br":
            self._write("\n")
        else:
            self._separate(tag)

    def handle_endtag(self, tag: str) -> None:
        self._is_unshown = False
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        if not self._is_unshown and not (self._break and data.isspace()):
            self._write(data)

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Read `<![…>` as HTML does, as a comment; the library raises AssertionError at one without a name."""
        return self.parse_bogus_comment(i, bool(report))

    def _separate(self, tag: str) -> None:
        """Ask for the break that a block wants before what follows it, if anything came before."""
        if self.parts:
            self._break = max(self._break, BREAKS.get(tag, ""))

    def _write(self, text: str) -> None:
        self.parts += [self._break, text]
        self._break = ""
