"""Investment-attraction CRM of a development zone."""
