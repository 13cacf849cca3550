"""Pages, notes and who is on call in PagerDuty, through the `pagerduty` library and its REST API v2."""

from integrations.pagerduty.account import Account, PagerDuty
from integrations.pagerduty.client import Called, Opened, Target
from integrations.pagerduty.errors import Ambiguous, Unauthorized
from integrations.pagerduty.hooks import Told, read, signed
from integrations.refusals import RateLimited

__all__ = [
    "Account",
    "Ambiguous",
    "Called",
    "Opened",
    "PagerDuty",
    "RateLimited",
    "Target",
    "Told",
    "Unauthorized",
    "read",
    "signed",
]
