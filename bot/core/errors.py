"""The errors of the core. The others are `IntegrationError` and `PlaybookInvalid`, where they arise."""


class Refused(Exception):
    """A sentence for the person who asked: what will not happen, why, and what to do next."""


class Conflict(Exception):
    """Somebody else wrote to a stream first; read again and decide again."""
