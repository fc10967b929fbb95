"""X's API v2, live: its search, its stream, and what it wants removed; see the modules that these come from."""

from flows.collectors.twitter_budget import plan_budget
from flows.collectors.twitter_compliance import Subject, check_compliance
from flows.collectors.twitter_search import XSearch
from flows.collectors.twitter_stream import XStream

__all__ = ["Subject", "XSearch", "XStream", "check_compliance", "plan_budget"]
