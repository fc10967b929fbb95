"""Mastodon, live: its streams, and its timelines to catch up with what they missed."""
