"""PostgreSQL clusters restored to a moment: backups and archived log in a repository of pgBackRest."""
