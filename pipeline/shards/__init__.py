"""features.zarr on disk: its layout, and how tasks fill it."""
