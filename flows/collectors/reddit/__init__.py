"""Reddit, live: its listings, walked from the newest post back."""
