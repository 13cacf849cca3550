"""Backstop among stand-ins, and the demonstration that plays a whole incident on it.

Start with `sandbox.sandbox`, the fixture of everything that needs a whole Backstop, and with `story`, which
says what the people of the demonstration do.
"""

from bot.demo.command import main

__all__ = ["main"]
