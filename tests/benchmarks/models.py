"""The article's tree beside scikit-learn's on the same vectors, and the best candidate with its learning curves.

    EPILAKE_HOME=FOLDER python -m tests.benchmarks.models [--boosted]

reads the features of an installation in which the posts were brought as far as REFINED (`epilake run FILE`). Prints,
per split, mean ± standard deviation over five seeds: they decide which authors and stories are held out. The split
by time has no seed, so its deviation is that of the learner alone.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING

import numpy as np

from flows.lake.session import open_session
from flows.settings import Settings
from flows.train import read_features, read_versions
from ml.candidates.article import ARTICLE
from ml.candidates.boosted import BOOSTED
from ml.candidates.in_memory import IN_MEMORY, collect, evaluate_rows, learn, say
from ml.dataset import open_dataset
from ml.evaluation import Evaluation, evaluate
from ml.features import KEYS, LABEL
from ml.model import score

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

    from ml.split import Split

SEEDS = (1, 2, 3, 4, 5)
SHARES = (0.125, 0.25, 0.5, 1.0)
MORE_BINS = {"max_bins": 1_024}
"""MLlib tries 32 intervals per feature unless told otherwise, scikit-learn each value."""

FIGURES = ("accuracy", "majority_accuracy", "roc_auc", "pr_auc")
Row = tuple[str, str, Evaluation]


def write(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measure_seed(features: "DataFrame", seed: int, *, with_boosted: bool) -> Iterator[Row]:
    """Yield split, model and evaluation of everything that is fitted with one seed."""
    with open_dataset(features, seed=seed) as dataset:
        for split in dataset.splits:
            kind = split.kind.value
            model = ARTICLE.fit(split.train, ARTICLE.features, params=ARTICLE.defaults, seed=seed)
            yield kind, "article (MLlib)", evaluate(score(model, split.held_out))
            finer = ARTICLE.fit(split.train, ARTICLE.features, params=ARTICLE.defaults | MORE_BINS, seed=seed)
            yield kind, "article (MLlib, 1,024 bins)", evaluate(score(finer, split.held_out))
            yield kind, "article (scikit-learn)", measure_peer(model, split, seed=seed)
            yield from ((kind, name, found) for name, found in measure_curve(split, seed=seed))
            if with_boosted:
                boosted = BOOSTED.fit(split.train, BOOSTED.features, params=BOOSTED.defaults, seed=seed)
                yield kind, "boosted (MLlib)", evaluate(score(boosted, split.held_out))


def measure_peer(model: "PipelineModel", split: "Split", *, seed: int) -> Evaluation:
    """Fit scikit-learn's tree of depth 5 on the vectors that MLlib's was fitted on."""
    from pyspark.ml import PipelineModel
    from sklearn.tree import DecisionTreeClassifier

    vectors = PipelineModel(stages=model.stages[:-1])

    def bring(frame: "DataFrame") -> tuple[np.ndarray, np.ndarray]:
        rows = vectors.transform(frame).orderBy(*KEYS).select("features", LABEL).collect()
        return np.array([row[0].toArray() for row in rows]), np.array([row[1] for row in rows])

    tree = DecisionTreeClassifier(max_depth=5, random_state=seed).fit(*bring(split.train))
    matrix, labels = bring(split.held_out)
    return evaluate_rows(tree.predict_proba(matrix)[:, 1], labels)


def measure_curve(split: "Split", *, seed: int) -> Iterator[tuple[str, Evaluation]]:
    """Learn the in-memory candidate from growing parts of the training rows, drawn with the seed."""
    matrix, labels, _ = collect(split.train, IN_MEMORY.features)
    later, truth, _ = collect(split.held_out, IN_MEMORY.features)
    order = np.random.default_rng(seed).permutation(len(labels))
    for share in SHARES:
        rows = np.sort(order[: int(share * len(order))])
        learner = learn(matrix[rows], labels[rows], params=IN_MEMORY.defaults, seed=seed)
        yield f"sklearn, {share:.1%} of the rows", evaluate_rows(say(learner, later), truth)


def print_table(rows: Sequence[Row]) -> None:
    """Print mean ± standard deviation of each figure."""
    write(f"{'held out by':12}{'model':28}" + "".join(f"{name:>20}" for name in FIGURES))
    for kind, name in dict.fromkeys((kind, name) for kind, name, _ in rows):
        found = [evaluation for *key, evaluation in rows if key == [kind, name]]
        cells = []
        for figure in FIGURES:
            values = [getattr(evaluation, figure) for evaluation in found]
            cells.append(f"{mean(values):.3f} ± {stdev(values) if len(values) > 1 else 0:.3f}")
        write(f"{kind:12}{name:28}" + "".join(f"{cell:>20}" for cell in cells))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boosted", action="store_true", help="MLlib's boosted trees too: minutes per fit")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    given = parser.parse_args()
    settings = Settings()
    open_session(settings)
    features = read_features(settings, read_versions(settings))
    rows: list[Row] = []
    for seed in SEEDS[: given.seeds]:
        rows += measure_seed(features, seed, with_boosted=given.boosted)
        write(f"seed {seed} done")
    print_table(sorted(rows, key=lambda row: row[0]))


if __name__ == "__main__":
    main()
