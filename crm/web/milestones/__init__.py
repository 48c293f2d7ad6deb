"""Admin pages of milestones."""
