"""Post-mortems in Jira Cloud, through the `jira` library and version 3 of its API."""

from integrations.jira.client import JiraSite
from integrations.jira.errors import Unanswered
from integrations.jira.tracker import PAUSES, JiraTracker
from integrations.refusals import RateLimited

__all__ = ["PAUSES", "JiraSite", "JiraTracker", "RateLimited", "Unanswered"]
