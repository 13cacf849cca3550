"""The language of recovery: playbooks, the catalog and the criteria, from text to checked values. Pure."""
