"""Recipes × seeds on one pair: the tables and figures."""
