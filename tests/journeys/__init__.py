"""Conversations that are run exactly as they are written; `tests/test_journeys.py` runs them.

A file is prose with a conversation in its indented lines. What stands before the first `##` happens before
each of the conversations under them. The forms of a line, a name and two spaces before the text:

    ana  /backstop …                               types a command in the room of the newest incident
    bo in #general  /backstop …                    the same elsewhere: #channel, INC-1, RUN-1 (a run's thread)
    bo in RUN-1  @backstop …                       says it in a thread, where commands do not exist
    bo  presses Reject on "RUN-1" and writes "…"   presses a button, twice where it says so
    ana  fills in 1:"Orders are wrong" and sends   the form that she sees, by the names of its fields
    bo  says "Replica is ahead" with the file "lag.png"   says it in the room; without a file as well
    ana  reacts with :pushpin: to "Replica"        and `adds … to the timeline`, `edits … to "…"`, `deletes …`
    ana  uses the shortcut declare_incident        a shortcut of Slack's own menu
    bo  opens the home tab                         and sees it drawn; `-- bo's home reads` shows it
    bo  presses Approve at home                    a button of the home tab
    cy  $ backstop approve RUN-1                   the command line, with a token of cy's own
    --  20 minutes pass                            everything else that happens; see `directions.py`

Everything else is what people read: `backstop`, `backstop (only ana)`, `backstop in RUN-1`, `backstop edits`,
`terminal`, `jira`, `card`, `form`, `home`. Of a card only its first lines are shown where it is posted or
changes; say `-- the plan card reads` to show one whole. `REWRITE=1 pytest tests/test_journeys.py` writes down
what really happened.
"""
