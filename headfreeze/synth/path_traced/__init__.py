"""Rooms path-traced by Mitsuba 3, which is an extra: nothing here imports it until a picture is asked for."""
