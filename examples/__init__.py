"""Scripts that use headfreeze as a library."""
