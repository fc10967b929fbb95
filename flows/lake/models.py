"""The contracts of what is written about models: decisions, drift, live metrics, and what made them be trained anew."""

from flows.lake.contract import Column, Contract

MODEL = (
    Column("model_name", "string", "Registered model."),
    Column("model_version", "int", "Version of the registered model."),
)

MODEL_PROMOTIONS = Contract(
    name="ops.model_promotions",
    grain="One row per decision about a model version: promoted, refused, waiting for a human, or rolled back to.",
    key=("decision_id",),
    columns=(
        Column("decision_id", "string", "`<version>/gate`, `<version>/approval` or `rollback/<number>`."),
        *MODEL,
        Column("from_version", "int", "Version that was in production before; null if none was.", nullable=True),
        Column("decision", "string", "`promoted`, `refused`, `waiting` or `rolled back`."),
        Column("reasons", "string", "JSON list: what was asked (`check`), whether it `passed`, and the `reason`."),
        Column("promised", "string", "JSON object: metric → value, low, high, error on held-out posts; may be empty."),
        Column(
            "learnt_until", "timestamp", "What the model learnt from was posted before; null if unknown.", nullable=True
        ),
        Column(
            "judged_until",
            "timestamp",
            "Time of the latest post that it was judged on; null if unknown.",
            nullable=True,
        ),
        Column("approved_by", "string", "`gate`, or the name that a human gave."),
        Column("decided_at", "timestamp", "When it was decided."),
        Column("flow_run_id", "string", "Flow run in which it was decided."),
    ),
)

DRIFT = Contract(
    name="ops.drift",
    grain="One row per check of the data, feature and statistic: how far the latest posts are from those learnt from.",
    key=("check_id", "feature", "statistic"),
    columns=(
        Column("check_id", "string", "The check: the flow run that made it."),
        *MODEL,
        Column("feature", "string", "Column of the features table, `language`, or `score` for the model's answer."),
        Column("statistic", "string", "`psi`, `ks` (numbers) or `js` (categories, in bits)."),
        Column("value", "double", "The statistic between both windows."),
        Column(
            "threshold", "double", "Value above which it counts as drift; null with too little history.", nullable=True
        ),
        Column("floor", "double", "The least that the threshold can be."),
        Column("is_drifted", "boolean", "Whether the value lies above the threshold."),
        Column("window_from", "date", "First day of the latest posts."),
        Column("window_until", "date", "Last day of the latest posts."),
        Column("reference_from", "date", "First day of the posts they are compared with."),
        Column("reference_until", "date", "Last day of the posts they are compared with."),
        Column("count_window", "bigint", "Posts in the window."),
        Column("count_reference", "bigint", "Posts in the reference."),
        Column("count_history", "bigint", "Earlier windows of the same length from which the threshold was set."),
        Column("checked_at", "timestamp", "When it was checked."),
        Column("flow_run_id", "string", "Flow run that checked it."),
    ),
)

LIVE_METRICS = Contract(
    name="ops.live_metrics",
    grain="One row per check, model version and metric: what its old predictions turned out to be worth.",
    key=("check_id", "model_version", "metric"),
    columns=(
        Column("check_id", "string", "The check: the flow run that made it."),
        *MODEL,
        Column("metric", "string", "`accuracy`, `roc_auc`, `pr_auc`, or `calibration_gap` (mean score - share true)."),
        Column(
            "value", "double", "The metric on the posts of the window; null if one label is missing.", nullable=True
        ),
        Column("low", "double", "Lower bound of its 95% interval.", nullable=True),
        Column("high", "double", "Upper bound of its 95% interval.", nullable=True),
        Column(
            "promised", "double", "The metric on held-out posts at promotion; null if none is recorded.", nullable=True
        ),
        Column(
            "threshold", "double", "Value at which it counts as fallen; null if nothing was promised.", nullable=True
        ),
        Column("is_fallen", "boolean", "Whether the value lies beyond the threshold."),
        Column("window_from", "date", "First day of posting."),
        Column("window_until", "date", "Last day of posting."),
        Column("count_posts", "bigint", "Predicted posts of the window whose label is known."),
        Column("count_positives", "bigint", "Those of them that were retweeted."),
        Column("count_late", "bigint", "Those of them that were captured again after the prediction."),
        Column("checked_at", "timestamp", "When it was checked."),
        Column("flow_run_id", "string", "Flow run that checked it."),
    ),
)

RETRAININGS = Contract(
    name="ops.retrainings",
    grain="One row per time that a trigger, or a person, asked for a retraining.",
    key=("flow_run_id",),
    columns=(
        Column("flow_run_id", "string", "Flow run that was asked."),
        Column("trigger", "string", "`schedule`, `drift`, `metrics` or `request`."),
        Column("numbers", "string", "JSON object: what the trigger found."),
        Column("outcome", "string", "`started`, or `cooling down` if another had started shortly before."),
        Column("asked_at", "timestamp", "When it was asked for."),
    ),
)
