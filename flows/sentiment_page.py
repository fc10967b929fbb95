"""The evaluation of the sentiment methods as lines that a person reads, on a terminal or in a pipe."""

from collections.abc import Iterator

from flows.sentiment_evaluation import MAJORITY, OUT_OF_FOLD, Learnt, Report, Result, SetReport
from ml.agreement import Estimate
from ml.sentiment_methods import LABELS


def to_lines(report: Report) -> list[str]:
    """Return the report: a block for each set, then what was refused and what was learnt."""
    lines = [line for each in report.sets for line in (*_describe_set(each), "")]
    lines += [f"{file}: {reason}" for file, reason in report.refused.items()]
    return [*lines, *_describe_learnt(report.learnt)]


def _describe_set(each: SetReport) -> Iterator[str]:
    total = sum(each.counts.values())
    yield f"{each.name}: {total:,} texts{_describe_left_out(each)}"
    yield _pad("", "accuracy", "macro-F1", "accuracy over vader", "macro-F1 over vader")
    for result in each.results:
        overall = [_spell(result.agreement.accuracy), _spell(result.agreement.macro_f1)]
        gains = [_spell(result.gain.accuracy, "+"), _spell(result.gain.macro_f1, "+")] if result.gain else []
        yield _pad(_name(result), *overall, *gains)
    yield _pad("by people", "texts", "precision", "recall", "told " + ", ".join(LABELS))
    for result in each.results:
        if result.method != MAJORITY:
            yield from _describe_labels(each, result)
    if any(result.basis == OUT_OF_FOLD for result in each.results):
        yield "  * out of fold: learnt from the other four fifths of this set; the recipe was chosen on it"


def _describe_labels(each: SetReport, result: Result) -> Iterator[str]:
    for label, row in zip(LABELS, result.agreement.confusion, strict=True):
        figures = (_spell(result.agreement.precision[label]), _spell(result.agreement.recall[label]))
        told = "".join(f"{count:>8,}" for count in row)
        yield _pad(label, f"{each.counts[label]:<8,}{_name(result)}", *figures, told)


def _describe_left_out(each: SetReport) -> str:
    left_out = f"; left out: {each.count_left_out:,} without text or label" if each.count_left_out else ""
    return left_out + (f"; left out: {each.count_learnt_from:,} learnt from" if each.count_learnt_from else "")


def _describe_learnt(learnt: Learnt | None) -> Iterator[str]:
    if learnt is None:
        yield "Nothing was learnt: there is no set named …_val, as TweetEval's validation part is."
        return
    balance = "rare labels weigh as much as frequent ones" if learnt.recipe.balanced else "each text weighs the same"
    yield f"learnt {learnt.version}: from {learnt.source}; strength {learnt.recipe.strength}, {balance}"
    if learnt.folder:
        yield f"kept in {learnt.folder}, sha256 {learnt.sha256}"


def _name(result: Result) -> str:
    return f"{result.method} *" if result.basis == OUT_OF_FOLD else result.method


def _pad(name: str, *cells: str) -> str:
    return f"  {name:<10}{''.join(f'{cell:<25}' for cell in cells)}".rstrip()


def _spell(found: Estimate, sign: str = "") -> str:
    return f"{found.value:{sign}.3f} [{found.low:{sign}.3f}, {found.high:{sign}.3f}]"
