"""Synthetic labels, real photographs: adapt a dense-prediction network with an anchor task and a frozen head."""

__version__ = "0.1.0"
