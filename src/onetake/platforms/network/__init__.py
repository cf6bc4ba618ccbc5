"""Cameras with an address: a phone as a webcam, an IP camera. The same on every system."""
