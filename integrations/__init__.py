"""The outside world: engines that restore, run commands and check, and the systems that keep records."""
