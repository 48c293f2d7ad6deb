"""Pages and names that the device keeps, so that entering works without network (ENTRY 2)."""
