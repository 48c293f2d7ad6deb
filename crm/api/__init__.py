"""The API: what programs of the zone's people may do, as the people themselves on the pages."""
