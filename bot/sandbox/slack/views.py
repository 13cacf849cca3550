"""The modals on a person's screen: at most three, one over another."""

from __future__ import annotations

from dataclasses import replace

from bot.sandbox.slack import checks
from bot.sandbox.slack.blocks import with_ids
from bot.sandbox.slack.records import View
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace

MOST_OPEN = 3


def kept(workspace: Workspace, user: str, content: Wire, over: View | None = None) -> View:
    """Keep a new view; a taken external id is refused."""
    external = content.get("external_id")
    if external and any(view.content.get("external_id") == external for view in workspace.views.values()):
        raise SlackRefuses("duplicate_external_id")
    identity = workspace.new_id("V")
    view = View(
        identity,
        user,
        _filled(content, identity),
        hash=workspace.new_ts(),
        root_id=over.root_id if over else identity,
        previous_id=over.id if over else None,
    )
    workspace.views[identity] = view
    return view


def _filled(content: Wire, seed: str) -> Wire:
    return {**content, "blocks": list(with_ids(content["blocks"], seed))}


def current(workspace: Workspace, user: str) -> View | None:
    """Return the modal a person sees, or None."""
    stack = workspace.stacks.get(user) or []
    return workspace.views[stack[-1]] if stack else None


def opened(workspace: Workspace, user: str, content: Wire) -> View:
    """Show a modal; what was open before goes away."""
    cleared(workspace, user)
    view = kept(workspace, user, content)
    workspace.stacks[user] = [view.id]
    return view


def pushed(workspace: Workspace, user: str, content: Wire) -> View:
    """Show a modal over the present one; a fourth is refused."""
    stack = workspace.stacks.setdefault(user, [])
    if not stack:
        raise SlackRefuses("not_found")
    if len(stack) >= MOST_OPEN:
        raise SlackRefuses("push_limit_reached")
    view = kept(workspace, user, content, over=workspace.views[stack[-1]])
    stack.append(view.id)
    return view


def replaced(workspace: Workspace, view: View, content: Wire) -> View:
    """Show something else in place of what a view shows."""
    if content["type"] != view.content["type"]:
        raise SlackRefuses("invalid_arguments")
    changed = replace(view, content=_filled(content, view.id), hash=workspace.new_ts(), errors={})
    workspace.views[view.id] = changed
    return changed


def closed(workspace: Workspace, view: View) -> None:
    """Close one modal; the one below it shows again."""
    workspace.views.pop(view.id, None)
    stack = workspace.stacks.get(view.user, [])
    workspace.stacks[view.user] = [identity for identity in stack if identity != view.id]


def cleared(workspace: Workspace, user: str) -> None:
    """Close every modal of a person."""
    for identity in workspace.stacks.pop(user, []):
        del workspace.views[identity]


def submitted(workspace: Workspace, view: View, answer: Wire) -> None:
    """Do what the app answered to a submission; without an answer the modal closes."""
    match answer:
        case {"response_action": "errors", "errors": dict(errors)}:
            blocks = {block["block_id"] for block in view.blocks}
            if not errors or not set(errors) <= blocks:
                raise SlackRefuses("invalid_arguments")
            workspace.views[view.id] = replace(view, errors=errors)
        case {"response_action": "update", "view": content}:
            checks.check_view(content)
            replaced(workspace, view, content)
        case {"response_action": "push", "view": content}:
            checks.check_view(content)
            pushed(workspace, view.user, content)
        case {"response_action": "clear"}:
            cleared(workspace, view.user)
        case {"response_action": _}:
            raise SlackRefuses("invalid_arguments")
        case _:
            closed(workspace, view)
