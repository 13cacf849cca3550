"""What the places with real engines have in common: real time, and what nobody can know before."""

from __future__ import annotations

from datetime import timedelta

SOON = timedelta(seconds=1.2)
"""A step that acts is looked at every second; what is due later than that is not waited for."""

_LENGTH = r"(?<![-\w])\d+ (?:s|min|h)\b(?: \d+ (?:s|min)\b)*"
_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d+)?Z"
_TIME = rf"(?:(?:20\d\d-\d\d-\d\d )?{_CLOCK}|20\d\d-\d\d-\d\dT[\d:.]+(?:Z|\+00:00))"
MASKS = {
    rf"{_TIME}(?: \({_TIME}\))?": "<time>",
    rf"{_LENGTH}(?: to {_LENGTH})?": "<while>",
    r"(?<=last on )20\d\d-\d\d-\d\d": "<day>",
    r"/\S*/salvage-[\w.%-]+": "<folder>",
    r"\b\d+(?= rows that are nowhere| that differ)": "<n>",
    r"\d{8}T\d{6}[\w.-]*": "<backup>",
    r"\d+(?:\.\d+)? (?:bytes|B|kB|MB)\b": "<size>",
}
"""What is shown in place of moments, lengths, sizes and names that a real machine makes."""
