"""One change of many leads: looked at before, made whole, taken back as one (PROJECTS 2)."""
