"""PostgreSQL databases: dumps in a directory, put back by renaming databases."""
