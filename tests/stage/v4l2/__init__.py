"""A V4L2 camera that needs no kernel driver: real V4L2 calls, answered in the caller's process."""
