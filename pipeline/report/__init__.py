"""The page of results, its figures, and the template of DVC's plots."""
