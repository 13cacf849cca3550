"""A local PagerDuty to try everything without an account; the tests use the same one."""

from bot.sandbox.pagerduty.courier import Courier, Delivery
from bot.sandbox.pagerduty.records import Incident, Service, User
from bot.sandbox.pagerduty.stand_in import PagerDutyStandIn

__all__ = ["Courier", "Delivery", "Incident", "PagerDutyStandIn", "Service", "User"]
