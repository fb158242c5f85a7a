"""The jobs that run on Dask workers, and the memo of their results."""
