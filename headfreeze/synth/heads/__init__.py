"""Heads of a morphable model: their shape, their skin, the light on them, and the camera that sees them."""
