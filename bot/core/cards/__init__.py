"""What people read in Slack, in a terminal and on the console, drawn from events."""

from bot.core.cards.abort import abort_leaves
from bot.core.cards.approval import approval_card
from bot.core.cards.decide import Deciding, decision_card
from bot.core.cards.drill import drill_card
from bot.core.cards.home import GoingOn, home_page
from bot.core.cards.incident import incident_card
from bot.core.cards.lines import describe
from bot.core.cards.plan import plan_card
from bot.core.cards.progress import progress_card
from bot.core.cards.said import said
from bot.core.cards.timeline import timeline_document, timeline_json

__all__ = [
    "Deciding",
    "GoingOn",
    "abort_leaves",
    "approval_card",
    "decision_card",
    "describe",
    "drill_card",
    "home_page",
    "incident_card",
    "plan_card",
    "progress_card",
    "said",
    "timeline_document",
    "timeline_json",
]
