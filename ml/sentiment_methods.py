"""What a sentiment method is, whatever it rests on: VADER's rules, or weights learnt from labelled texts.

A method scores texts in the columns of `ml.sentiment` and says which of three labels a score stands for. Whoever
evaluates or enriches asks for no more, so that one method can take the other's place.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from ml.sentiment import LANGUAGES, METHOD, METHOD_VERSION, score_texts

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Labels = NDArray[np.str_]

LABELS: Final = ("negative", "neutral", "positive")

VADER_THRESHOLD: Final = 0.05
"""From this compound score on, its authors call a text positive, and from its opposite down negative."""


class SentimentMethod(Protocol):
    """A way to tell the sentiment of texts."""

    @property
    def name(self) -> str:
        """Name of the method, the same whatever its version."""

    @property
    def version(self) -> str:
        """Two methods of one version give every text the same scores."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that it speaks, as ISO 639-1 codes; of others it knows nothing."""

    def score(self, texts: "pd.Series") -> "pd.DataFrame":
        """Score texts: one row per text, on the same index.

        Columns are `ml.sentiment.SENTIMENT_COLUMNS`, float64: three shares in [0, 1] that sum to 1 but for rounding,
        and a compound in [-1, 1]. A null text gives four nulls, a blank one four zeros.
        """

    def tell(self, scores: "pd.DataFrame") -> "Labels":
        """Return the label, one of `LABELS`, that each row of this method's scores stands for.

        Raises:
            ValueError: A score is null: of a text that is not there nothing can be told.
        """


@dataclass(frozen=True)
class Vader:
    """VADER with the thresholds that its authors published with it (Hutto & Gilbert 2014)."""

    name: str = METHOD
    version: str = METHOD_VERSION
    languages: tuple[str, ...] = LANGUAGES

    def score(self, texts: "pd.Series") -> "pd.DataFrame":
        """Score texts, see `SentimentMethod.score`.

        >>> import pandas as pd
        >>> Vader().score(pd.Series(["good", ""])).compound_sentiment.tolist()
        [0.4404, 0.0]
        """
        return score_texts(texts)

    def tell(self, scores: "pd.DataFrame") -> "Labels":
        """Return the labels of scores, see `SentimentMethod.tell`.

        >>> import pandas as pd
        >>> Vader().tell(pd.DataFrame({"compound_sentiment": [-0.05, 0.0499, 0.05]})).tolist()
        ['negative', 'neutral', 'positive']
        """
        refuse_nulls(scores)
        compound = scores.compound_sentiment.to_numpy()
        return name_labels(negative=compound <= -VADER_THRESHOLD, positive=compound >= VADER_THRESHOLD)


def name_labels(*, negative: "NDArray[np.bool_]", positive: "NDArray[np.bool_]") -> "Labels":
    """Return one of `LABELS` for each row: negative or positive where it is, else neutral.

    >>> name_labels(negative=np.array([True, False]), positive=np.array([False, False])).tolist()
    ['negative', 'neutral']
    """
    return np.select([negative, positive], [LABELS[0], LABELS[2]], default=LABELS[1])


def refuse_nulls(scores: "pd.DataFrame") -> None:
    """Refuse scores that hold a null.

    Raises:
        ValueError: They do.

    >>> import pandas as pd
    >>> refuse_nulls(pd.DataFrame({"compound_sentiment": [0.5]}))
    """
    count = int(scores.isna().any(axis=1).sum())
    if count:
        raise ValueError(f"expected scores of texts, found {count:,} nulls: leave out the posts without a text first.")
