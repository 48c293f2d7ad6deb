"""Delivery over channels: robots of messengers, the zone's own systems, and Apprise."""
