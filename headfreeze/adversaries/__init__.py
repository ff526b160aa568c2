"""Adversaries: losses that make source and target indistinguishable to discriminators, on features or on outputs."""
