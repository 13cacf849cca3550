"""Decisions: pure functions over events and values. Nothing here awaits, reads a clock or does I/O."""
