"""Reading the audit trail: names for what its entries point to, and what a viewer may read."""
