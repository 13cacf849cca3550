"""The page of every verb that people type."""

from __future__ import annotations

from bot.commands import VERBS, Verb
from bot.core.may import COMMANDERS, Right
from tests.reference.markdown import block, code, codes, page, sentences, table

WHO = {
    Right.READ: "everybody in the catalog, and pipelines",
    Right.RESPOND: "every person in the catalog",
    Right.OPERATE: f"who holds a role of the run's playbook, commander, ops, the group `{COMMANDERS}`",
    Right.COMMAND: f"commander, ops, the group `{COMMANDERS}`",
    Right.PUBLISH: f"commander, ops, comms, the group `{COMMANDERS}`",
}
_DOORS = """
A verb is typed the same way at every door: `/backstop status` in a channel, `@backstop status` in a thread,
`backstop status` in a shell, and a button says the line that it stands for. Text with spaces stands in
"quotes". `key:value` is an option. Times are `02:10` (UTC), `2026-11-23T02:10:00Z` or `-15m`; durations are
`30m` or `2h`.

`inc:INC-42` names the incident where the place does not.
"""
_RIGHTS = """
Some verbs ask for more once it is known what is meant: deciding, or giving a role to somebody else, needs
the right to command; retrying, skipping or doing a destructive step by hand does as well. Sending
words to customers needs the right to publish. A refusal says who can.
"""


def verbs() -> str:
    """Return the page."""
    rights = table(("Right", "Who has it"), [(code(right.value), who) for right, who in WHO.items()])
    overview = table(
        ("Verb", "What for", "Right"),
        [(f"[{verb.name}](#{verb.name})", verb.summary, verb.right.value) for verb in VERBS.values()],
    )
    return page(
        "Verbs", _DOORS, "## Rights", rights, _RIGHTS, "## All verbs", overview, *map(_verb, VERBS.values())
    )


def _verb(verb: Verb) -> str:
    options = [*sorted(f"{name}:" for name in verb.options)]
    more = ", and names of its own, as in the usage" if verb.free_options else ""
    return "\n\n".join(
        [
            f"### {verb.name}",
            verb.summary,
            sentences(verb.act.__doc__),
            block(verb.usage, "text"),
            f"Right: {code(verb.right.value)}. Options: {codes(options)}{more}.",
        ]
    )
