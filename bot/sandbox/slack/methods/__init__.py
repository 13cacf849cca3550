"""The Web API methods of the workspace, by name; to add one, write it in its family's file."""

from __future__ import annotations

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.methods import chat, conversations, files, marks, people, views
from bot.sandbox.slack.methods.method import Method
from bot.sandbox.slack.refusals import SlackRefuses, Wire, invalid_arguments
from bot.sandbox.slack.workspace import Workspace

METHODS: dict[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **people.METHODS,
    **marks.METHODS,
    **files.METHODS,
    **views.METHODS,
}


def method_called(name: str) -> Method:
    """Return a method by name; one this workspace does not know is refused."""
    if name not in METHODS:
        raise SlackRefuses("unknown_method", req_method=name)
    return METHODS[name]


def carry_out(workspace: Workspace, method: Method, args: Args) -> Wire:
    """Carry a call out after its token was accepted, and return the whole answer."""
    if method.scopes and not workspace.scopes.intersection(method.scopes):
        provided = ",".join(sorted(workspace.scopes))
        raise SlackRefuses("missing_scope", needed=",".join(method.scopes), provided=provided)
    missing = [f"missing required field: {name}" for name in method.needs if args.text(name) == ""]
    if missing:
        raise invalid_arguments(*missing)
    return {"ok": True, **method.do(workspace, args)}
