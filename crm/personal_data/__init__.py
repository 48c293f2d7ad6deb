"""Personal data of contacts: exported and erased on request, and listed once it is old (PIPL)."""
