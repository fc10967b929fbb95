"""Bluesky, live: Jetstream, the whole network as a stream."""
