"""X's API v2, live: its search, its stream, and what it wants removed; see the modules that these come from."""

from flows.collectors.twitter.budget import plan_budget
from flows.collectors.twitter.compliance import Subject, check_compliance
from flows.collectors.twitter.search import XSearch
from flows.collectors.twitter.stream import XStream

__all__ = ["Subject", "XSearch", "XStream", "check_compliance", "plan_budget"]
