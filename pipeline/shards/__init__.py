"""features.zarr on disk: its layout, how tasks fill it, and how its rows are read."""
