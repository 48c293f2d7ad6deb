"""Handing over, leaving, and what falls to the supervisor."""
