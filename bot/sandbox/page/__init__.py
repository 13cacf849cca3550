"""The sandbox in a browser: the local workspace, the shop and Jira on one page.

Start with `server.Page`. What somebody sees is drawn by `screen.py` from parts (`talk.py`, `dialog.py`,
`beside.py`, `guide.py`), each of which turns the stand-ins' records into HTML; `live.py` sends what changed.
What somebody does comes in at `acts.py` and goes through the stand-in's own acts, as real payloads.
"""

from bot.sandbox.page.guide import Press, Progress
from bot.sandbox.page.outside import Outside
from bot.sandbox.page.screen import World
from bot.sandbox.page.server import Page

__all__ = ["Outside", "Page", "Press", "Progress", "World"]
