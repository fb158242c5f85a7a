"""Imported by the template last: it ends at once, without taking its modules down, which takes 0.3 s."""

import atexit
import os

atexit.register(os._exit, 0)
