"""The demonstration zone: read from seeds/demo, told for a date, written through the services."""
