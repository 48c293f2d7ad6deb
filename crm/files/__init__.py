"""Attachments (佐证材料): what may be uploaded, where it is stored, who added it (PROJECTS 0)."""
