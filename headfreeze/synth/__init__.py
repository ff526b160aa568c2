"""Generators of synthetic pairs: the labels come with the pixels."""
