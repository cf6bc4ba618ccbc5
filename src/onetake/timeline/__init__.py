"""WHEN. Pure: t0, positions, pauses, how fast a device's clock runs."""
