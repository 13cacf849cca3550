"""Slack's door: what people say comes in through `listeners`, what they read goes out through `deliver`.

Start with `door.SlackDoor`, which puts the parts together.
"""
