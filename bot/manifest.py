"""What Backstop asks of a Slack workspace: the manifest its app is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "hear `@backstop …`",
    "bookmarks:write": "put the timeline's link at the top of the incident's channel",
    "channels:history": "find a message it was posting when it was interrupted, so that none is posted twice",
    "channels:manage": "open the incident's channel, invite people, set its topic",
    "channels:read": "notice that it was invited back; find a channel it made before a crash",
    "chat:write": "post cards, lines and answers",
    "commands": "hear `/backstop …`",
    "files:read": "know which files a message of the timeline has",
    "im:write": "tell a person directly when the channel is gone",
    "pins:write": "pin the incident card",
    "reactions:read": "see the reaction that adds a message to the timeline",
    "usergroups:read": "know who is in the Slack groups that the catalog names",
}
"""The bot token's scopes, and what each is for."""

EVENTS = ("app_home_opened", "app_mention", "member_joined_channel", "reaction_added")
DECLARE = "declare_incident"
"""The callback id of the global shortcut."""
CAPTURE = "timeline_add"
"""The callback id of the shortcut of a message."""


def manifest(url: str | None) -> dict[str, Any]:
    """Return the manifest; `url` is where Slack reaches Backstop, None where Backstop calls Slack."""
    reached = {"url": f"{url}/slack/events"} if url else {}
    request = {"request_url": f"{url}/slack/events"} if url else {}
    return {
        "display_information": {"name": "Backstop", "description": "Runs incidents and recoveries"},
        "features": {
            "bot_user": {"display_name": "backstop", "always_online": True},
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "slash_commands": [
                {
                    "command": "/backstop",
                    **reached,
                    "description": "Run an incident and its recovery",
                    "usage_hint": "help",
                    # With it Slack sends who @ana is, and not only the text.
                    "should_escape": True,
                }
            ],
            "shortcuts": [
                {
                    "name": "Declare incident",
                    "type": "global",
                    "callback_id": DECLARE,
                    "description": "Open an incident and its channel",
                },
                {
                    "name": "Add to incident timeline",
                    "type": "message",
                    "callback_id": CAPTURE,
                    "description": "Keep what this message says as evidence",
                },
            ],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {**request, "bot_events": sorted(EVENTS)},
            "interactivity": {"is_enabled": True, **request},
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }
