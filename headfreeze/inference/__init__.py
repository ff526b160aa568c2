"""A trained run on new photographs."""
