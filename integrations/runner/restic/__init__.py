"""Folders that restic backs up: snapshots, put back by one exchange of names."""
