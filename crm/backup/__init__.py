"""Backups: one file of all tables and attachments, restored or moved to either database."""
