"""A local Jira to try everything without an account; the tests use the same one."""

from bot.sandbox.faults import Drop, Faults, Hold, Reply, failing, maintenance, rate_limited
from bot.sandbox.jira.site import Attachment, Comment, Issue
from bot.sandbox.jira.stand_in import JiraStandIn
from bot.sandbox.wire import Exchange

__all__ = [
    "Attachment",
    "Comment",
    "Drop",
    "Exchange",
    "Faults",
    "Hold",
    "Issue",
    "JiraStandIn",
    "Reply",
    "failing",
    "maintenance",
    "rate_limited",
]
