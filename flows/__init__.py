"""Everything that touches the world.

The pipeline, in six lines:

1. `ingest`: files of posts are parsed, checked and merged into RAW; refused records are kept with their reason.
2. `build curated`: dbt brings every source into one shape, one row per post.
3. `enrich`: posts get their language, their topics and, in English, their sentiment.
4. `build refined`: dbt joins posts and scores into the model's features and the daily series.
5. `train`: the article's decision tree is fitted, judged on held-out posts, registered, and promoted through a gate.
6. `score`: the promoted model predicts what it has not yet predicted, and its hourly deployment is kept up to date.
"""
