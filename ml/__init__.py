"""What is learnt from posts: sentiment, features, models and their honest evaluation.

Pure: frames and numbers in, frames and numbers out. Nothing here knows of Prefect, dbt or where a table lies; what
touches the world is in `flows`, which imports this package and is never imported by it.
"""
