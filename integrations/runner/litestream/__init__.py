"""SQLite databases that Litestream replicates: transactions as recovery points, put back as copies are."""
