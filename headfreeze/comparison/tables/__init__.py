"""Tables of a comparison: what stands in them, and the same in Markdown, LaTeX and CSV."""
