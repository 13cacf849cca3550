"""The audit trail: every entry of the timeline as the formats that collect such trails want it.

The mapping is total: an event without a word of its own here is an API activity that changed its stream, so
that a new event is in the trail from its first day.
"""

from bot.core.audit.cloudevents import cloudevent
from bot.core.audit.ocsf import ocsf
from bot.core.audit.record import Origin, Record
from bot.core.audit.syslog import syslog

__all__ = ["Origin", "Record", "cloudevent", "ocsf", "syslog"]
