"""Whether a feature knows the outcome, by what it tells and not by what it is called.

`ml.features` refuses columns by name. A column that came later, or that is named as if it were known at posting, is
caught here: one number alone that ranks held-out posts better than any honest one does is refused, and so is a model
that is too good, whichever numbers it has it from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ml.features import FeatureError

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_ROC_AUC: Final = 0.95
"""On 11,020 real posts the best single number known at posting (followers) reaches 0.72, `favorites` 0.80, a copy of
the outcome 1.0. The limit leaves room for data in which followers tell more."""


class SuspectedLeakError(FeatureError):
    """A feature that by itself tells more of the outcome than anything known at posting should."""


class ConstantFeatureError(FeatureError):
    """Features of which none differs between posts."""


def check_single(single: Mapping[str, float], *, limit: float = LIMIT_ROC_AUC) -> None:
    """Refuse numbers that by themselves rank held-out posts better than the limit.

    Args:
        single: ROC-AUC of each number alone, [0.5, 1].
        limit: Greatest ROC-AUC that is believed.

    Raises:
        SuspectedLeakError: A number lies above it.

    >>> check_single({"log_followers": 0.72, "count_answers": 0.97})
    Traceback (most recent call last):
        ...
    ml.leakage.SuspectedLeakError: count_answers alone reaches a held-out ROC-AUC of 0.970, above the 0.95 that a \
feature known at posting is believed to reach: take it out, or raise EPILAKE_LEAK_LIMIT_ROC_AUC if it is honest.
    """
    suspects = {name: area for name, area in single.items() if area > limit}
    if suspects:
        name, area = max(suspects.items(), key=lambda pair: pair[1])
        others = f" (and so do {', '.join(other for other in suspects if other != name)})" if len(suspects) > 1 else ""
        msg = (
            f"{name} alone reaches a held-out ROC-AUC of {area:.3f}{others}, above the {limit:g} that a feature known "
            "at posting is believed to reach: take it out, or raise EPILAKE_LEAK_LIMIT_ROC_AUC if it is honest."
        )
        raise SuspectedLeakError(msg)


def check_whole(roc_auc: float, *, single: Mapping[str, float], limit: float = LIMIT_ROC_AUC) -> None:
    """Refuse a model that is better than an honest one can be, though no number alone gives it away.

    Met on a set whose label is whether a post repeats another: how a repeat is cut tells it, while the article's
    features, which do not read the text, tell nothing (held-out ROC-AUC 0.96 and 0.50).

    Args:
        roc_auc: Of the model on held-out posts, [0, 1].
        single: ROC-AUC of each number alone, the greatest first.
        limit: Greatest ROC-AUC that is believed.

    Raises:
        SuspectedLeakError: It lies above the limit.

    >>> check_whole(0.97, single={"count_links": 0.74, "is_cut": 0.66})
    Traceback (most recent call last):
        ...
    ml.leakage.SuspectedLeakError: the model reaches a held-out ROC-AUC of 0.970, above the 0.95 that is believed of \
features known at posting: together they give the label away (count_links, is_cut tell most); choose a candidate \
without them, such as `tree`, or raise EPILAKE_LEAK_LIMIT_ROC_AUC if they are honest.
    """
    if roc_auc > limit:
        most = ", ".join(list(single)[:3])
        msg = (
            f"the model reaches a held-out ROC-AUC of {roc_auc:.3f}, above the {limit:g} that is believed of features "
            f"known at posting: together they give the label away ({most} tell most); choose a candidate without them, "
            "such as `tree`, or raise EPILAKE_LEAK_LIMIT_ROC_AUC if they are honest."
        )
        raise SuspectedLeakError(msg)
