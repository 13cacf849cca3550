"""The demo service `checkout`: a small shop over HTTP on an SQLite file, with one release that damages it.

Everything runs through `python -m bot.sandbox.shop <command> --home DIR`; `home.py` says what lies in DIR.
"""
