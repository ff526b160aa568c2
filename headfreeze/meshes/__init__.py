"""Triangles: read from .obj files, hit by rays."""
