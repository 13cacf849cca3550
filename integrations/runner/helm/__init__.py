"""Releases of Helm, rolled back by the real program on this host."""
