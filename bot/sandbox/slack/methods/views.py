"""views.*: modals and home tabs; and blocks.validate."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import checks, views
from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.methods.method import Method
from bot.sandbox.slack.records import View
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace


def _content(args: Args) -> Any:
    content = args.json("view")
    checks.check_view(content)
    return content


def open_view(workspace: Workspace, args: Args) -> Wire:
    """Open a modal for the person of a trigger."""
    content = _content(args)
    trigger = workspace.spend_trigger(args.needed("trigger_id"))
    return {"view": views.opened(workspace, trigger.user, content).wire()}


def push(workspace: Workspace, args: Args) -> Wire:
    """Lay a modal over the one its trigger came from."""
    content = _content(args)
    trigger = workspace.spend_trigger(args.needed("trigger_id"))
    if trigger.view_id is None:
        raise SlackRefuses("not_found")
    return {"view": views.pushed(workspace, trigger.user, content).wire()}


def update(workspace: Workspace, args: Args) -> Wire:
    """Replace what a modal shows, found by id or external id."""
    content = _content(args)
    view = _found(workspace, args)
    _same(view, args)
    return {"view": views.replaced(workspace, view, content).wire()}


def publish(workspace: Workspace, args: Args) -> Wire:
    """Replace the home tab a person sees."""
    content = _content(args)
    user = workspace.person(args.needed("user_id")).id
    if content["type"] != "home":
        raise SlackRefuses("invalid_arguments")
    shown = workspace.homes.get(user)
    if shown is None:
        view = views.kept(workspace, user, content)
        workspace.homes[user] = view.id
        return {"view": view.wire()}
    _same(workspace.views[shown], args)
    return {"view": views.replaced(workspace, workspace.views[shown], content).wire()}


def _found(workspace: Workspace, args: Args) -> View:
    for view in workspace.views.values():
        if "view_id" in args and view.id == args.text("view_id"):
            return view
        external = args.text("external_id")
        if external and view.content.get("external_id") == external:
            return view
    raise SlackRefuses("not_found")


def _same(view: View, args: Args) -> None:
    if "hash" in args and args.text("hash") != view.hash:
        raise SlackRefuses("hash_conflict")


def validate(workspace: Workspace, args: Args) -> Wire:
    """Check blocks without showing them to anybody."""
    blocks = args.json("blocks") or []
    checks.check_message("checked", blocks)
    return {}


METHODS = {
    "views.open": Method(open_view, 100, (), ("view", "trigger_id")),
    "views.push": Method(push, 100, (), ("view", "trigger_id")),
    "views.update": Method(update, 100, (), ("view",)),
    "views.publish": Method(publish, 100, (), ("view", "user_id")),
    "blocks.validate": Method(validate, 100),
}
