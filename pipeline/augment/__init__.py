"""Augmentation: other microphones, rooms and voices, imitated in the log-mel bands of the training sequences."""
