"""Anchor labels for free, from off-the-shelf methods."""
