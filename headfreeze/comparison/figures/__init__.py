"""Figures of a comparison: one idea a file, each a function from what was measured to a matplotlib figure."""
