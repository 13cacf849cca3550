"""A local Slack workspace: the Web API, Socket Mode and signed deliveries on loopback, with people in it.

Start with `stand_in.SlackStandIn`. It is the test fixture of everything that speaks Slack and the workspace
of the demo; slack-bolt and slack-sdk talk to it unmodified through `base_url`. Not modelled: Enterprise
Grid, data-loss prevention, Slack's real tolerance for bursts.
"""

from bot.sandbox.slack.blocks import Button
from bot.sandbox.slack.deliveries import Delivery, Reply
from bot.sandbox.slack.faults import Held
from bot.sandbox.slack.records import Message, Person, View
from bot.sandbox.slack.refusals import PersonCannot, SlackIsDown, SlackRefuses
from bot.sandbox.slack.stand_in import SlackStandIn, Terms

__all__ = [
    "Button",
    "Delivery",
    "Held",
    "Message",
    "Person",
    "PersonCannot",
    "Reply",
    "SlackIsDown",
    "SlackRefuses",
    "SlackStandIn",
    "Terms",
    "View",
]
