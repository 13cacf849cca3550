"""What other systems are told: one file a system, each with the handlers of its effects.

To add a system: a client in `integrations/x/`, an effect in `core/effects.py` with a lane of its own, a file
here whose handler looks at what is there before it writes, and its line in `bot/app.py`.
"""

from bot.notify.record import Notify

__all__ = ["Notify"]
