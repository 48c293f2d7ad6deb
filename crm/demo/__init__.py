"""The demonstration zone: seed files become a scenario of a date, written through the services."""
