"""The room: a warm process forks a sealed kernel for each submission, and this side drives it.

Inside the wall run ``zygote`` (warm parent), ``warden`` (one a room, never student code), ``kernel`` and
``guest``. On this side stand ``room`` (opens, interrupts, ends), ``runner`` (runs the notebook) and
``probes`` (asks questions).
"""
