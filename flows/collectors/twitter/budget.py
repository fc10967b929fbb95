"""Posts that may be read: how a run's budget is shared out, so that a large topic leaves the small ones theirs."""

from dataclasses import dataclass

MIN_RESULTS, MAX_RESULTS = 10, 100
"""Least and most posts that X gives in one answer of its search."""


def plan_budget(expected: dict[str, int], budget: int) -> dict[str, int]:
    """Return how many posts each request may read: max-min fair shares.

    Who needs no more than an even share gets all of it, and what it leaves is shared evenly by the others. No share can
    grow but by making one that is as small or smaller, smaller still (Bertsekas and Gallager, Data Networks, 2nd ed.,
    section 6.5.2).

    Args:
        expected: Request → posts that it would read.
        budget: Posts that all of them may read together.

    >>> plan_budget({"flu": 1_000, "mpox": 30, "covid": 5_000}, 1_030)
    {'flu': 500, 'mpox': 30, 'covid': 500}
    """
    plan, left = {}, max(budget, 0)
    for place, request in enumerate(sorted(expected, key=lambda request: expected[request])):
        plan[request] = max(0, min(expected[request], left // (len(expected) - place)))
        left -= plan[request]
    return {request: plan[request] for request in expected}


@dataclass
class Purse:
    """What a run may still read, in posts."""

    left: int
    posts_per_result: int
    """The most that one result can cost, with what it brings along."""

    def page_size(self, *, keep: int = 0, is_first: bool = False) -> int:
        """Return how many results to ask for, 0 if there is nothing left to ask with: an answer never costs too much.

        Args:
            keep: Posts that are kept for others.
            is_first: Whether the smallest answer may go at the cost of others: so little is no share of anything.

        >>> purse = Purse(left=200, posts_per_result=3)
        >>> purse.page_size(), purse.page_size(keep=110), purse.page_size(keep=180)
        (66, 30, 0)
        >>> purse.page_size(keep=180, is_first=True)
        10
        """
        results = min((self.left - keep) // self.posts_per_result, MAX_RESULTS)
        if is_first and self.left >= MIN_RESULTS * self.posts_per_result:
            return max(results, MIN_RESULTS)
        return results if results >= MIN_RESULTS else 0
