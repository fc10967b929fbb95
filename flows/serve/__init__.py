"""Scores over HTTP: posts in as a source spells them, probabilities out, with the model that is in production.

`scoring` is the article's script, `init()` and `run(raw_data)`: what is read, checked and protected is so by the code
that ingests. `app` puts it behind HTTP with its limits, `server` runs it. Nothing of a request is kept or logged.
"""
