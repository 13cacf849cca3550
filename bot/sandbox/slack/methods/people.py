"""Who is there: auth.*, team.*, bots.*, users.*, usergroups.* and the door to Socket Mode."""

from __future__ import annotations

import secrets

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.methods.method import Method, page
from bot.sandbox.slack.records import APP, BOT, BOT_NAME, BOT_USER, TEAM, Group
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace


def auth_test(workspace: Workspace, args: Args) -> Wire:
    """Say whose token this is."""
    return {
        "url": f"{workspace.base_url}/",
        "team": "Backstop sandbox",
        "user": BOT_NAME,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def api_test(workspace: Workspace, args: Args) -> Wire:
    """Echo the arguments, or fail with the error asked for."""
    if "error" in args:
        raise SlackRefuses(args.text("error"))
    return {"args": {key: value for key, value in args.values.items() if key != "token"}}


def open_connection(workspace: Workspace, args: Args) -> Wire:
    """Issue the address of one Socket Mode connection; it opens once."""
    ticket = secrets.token_hex(8)
    workspace.tickets.add(ticket)
    return {"url": f"{workspace.base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP}"}


def team_info(workspace: Workspace, args: Args) -> Wire:
    """Describe the workspace."""
    return {"team": {"id": TEAM, "name": "Backstop sandbox", "domain": "sandbox", "email_domain": ""}}


def bots_info(workspace: Workspace, args: Args) -> Wire:
    """Describe the bot."""
    if args.text("bot", BOT) != BOT:
        raise SlackRefuses("bot_not_found")
    bot = {"id": BOT, "deleted": False, "name": BOT_NAME, "app_id": APP, "user_id": BOT_USER}
    return {"bot": bot}


def user_info(workspace: Workspace, args: Args) -> Wire:
    """Describe a person by user id."""
    person = workspace.people.get(args.needed("user"))
    if person is None:
        raise SlackRefuses("user_not_found")
    return {"user": person.wire()}


def user_list(workspace: Workspace, args: Args) -> Wire:
    """List everybody."""
    return page([person.wire() for person in workspace.people.values()], args, "members")


def user_by_email(workspace: Workspace, args: Args) -> Wire:
    """Find a person of this workspace by e-mail address."""
    wanted = args.needed("email").lower()
    for person in workspace.people.values():
        if person.email.lower() == wanted and not person.outsider:
            return {"user": person.wire()}
    raise SlackRefuses("users_not_found")


def group_list(workspace: Workspace, args: Args) -> Wire:
    """List the user groups."""
    found = []
    for group in workspace.groups.values():
        users = {"users": list(group.users)} if args.flag("include_users") else {}
        found.append(group.wire() | users)
    return {"usergroups": found}


def _group(workspace: Workspace, args: Args) -> Group:
    group = workspace.groups.get(args.needed("usergroup"))
    if group is None:
        raise SlackRefuses("no_such_subteam")
    return group


def group_users(workspace: Workspace, args: Args) -> Wire:
    """List the user ids of a group."""
    return {"users": list(_group(workspace, args).users)}


def group_change(workspace: Workspace, args: Args) -> Wire:
    """Replace the people of a group."""
    group = _group(workspace, args)
    users = args.names("users")
    if not users:
        raise SlackRefuses("no_users_provided")
    if not set(users) <= set(workspace.people):
        raise SlackRefuses("invalid_users")
    changed = Group(group.id, group.handle, tuple(users))
    workspace.groups[group.id] = changed
    return {"usergroup": changed.wire() | {"users": users}}


METHODS = {
    "auth.test": Method(auth_test, 600),
    "api.test": Method(api_test, 100),
    "apps.connections.open": Method(open_connection, 50, ("connections:write",), held_by="app"),
    "team.info": Method(team_info, 50, ("team:read",)),
    "bots.info": Method(bots_info, 50, ("users:read",)),
    "users.info": Method(user_info, 100, ("users:read",), ("user",)),
    "users.list": Method(user_list, 20, ("users:read",)),
    "users.lookupByEmail": Method(user_by_email, 50, ("users:read.email",), ("email",)),
    "usergroups.list": Method(group_list, 20, ("usergroups:read",)),
    "usergroups.users.list": Method(group_users, 20, ("usergroups:read",), ("usergroup",)),
    "usergroups.users.update": Method(group_change, 20, ("usergroups:write",), ("usergroup", "users")),
}
