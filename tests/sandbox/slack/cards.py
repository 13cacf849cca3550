"""Messages and views that the tests of the workspace show."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import Message, SlackStandIn


def approval(label: str = "Approve") -> list[dict[str, Any]]:
    """Return blocks with one button."""
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": "approve",
        "value": "RUN-1:db",
        "style": "primary",
    }
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*RUN-1* wants a yes from <@U0BO000001>"}},
        {"type": "actions", "elements": [button]},
    ]


def modal(title: str = "Declare", **more: Any) -> dict[str, Any]:
    """Return a modal with one input."""
    field = {"type": "plain_text_input", "action_id": "summary", "max_length": 40}
    block = {
        "type": "input",
        "block_id": "what",
        "label": {"type": "plain_text", "text": "What happens"},
        "element": field,
    }
    return {
        "type": "modal",
        "callback_id": "declare",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Declare"},
        "blocks": [block],
        **more,
    }


def posted_by_the_bot(slack: SlackStandIn) -> Message:
    """Return a message of the bot with a button, not yet posted."""
    return Message(
        slack.channel("general").id,
        slack.workspace.new_ts(),
        slack.bot_user_id,
        "press me",
        tuple(approval("press me")),
    )
