"""A bureau's table imported: read, previewed row by row, kept in short batches, taken back."""
