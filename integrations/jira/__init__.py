"""Records in Jira, through the `jira` library: version 3 of the API for Cloud, version 2 for Data Center."""

from integrations.jira.client import JiraSite
from integrations.jira.errors import Unanswered
from integrations.jira.tracker import PAUSES, JiraTracker
from integrations.refusals import RateLimited

__all__ = ["PAUSES", "JiraSite", "JiraTracker", "RateLimited", "Unanswered"]
