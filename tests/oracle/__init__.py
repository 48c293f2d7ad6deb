"""A second computation of quota figures, to judge the first by."""
