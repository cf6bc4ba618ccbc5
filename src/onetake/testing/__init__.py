"""Public helpers for tests: virtual takes, scripted sources, a conformance check."""
