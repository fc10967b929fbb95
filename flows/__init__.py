"""Everything that touches the world.

The pipeline, in six lines:

1. `ingest`: files of posts are parsed, checked and merged into RAW; refused records are kept with their reason.
2. `build curated`: dbt brings every source into one shape, one row per post.
3. `enrich`: posts get their language, their topics and, in English, their sentiment.
4. `build refined`: dbt joins posts and scores into the model's features and the daily series.
5. `train`: the article's decision tree is fitted, judged on held-out posts, registered, and judged by a gate.
6. `score`: the promoted model predicts what it has not yet predicted, and its hourly deployment is kept up to date.

Beside it `monitor` asks every night whether the promoted model still holds, and `retrain` runs steps 2 to 6 if it does
not; `promote` and `rollback` are a human's word.
"""
