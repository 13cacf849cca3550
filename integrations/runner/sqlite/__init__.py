"""SQLite databases: copies in a directory, put back by one rename."""
