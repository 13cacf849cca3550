"""Backstop: an incident and rollback bot for the worst hour of a release."""
