"""The command interface and its adapters; no adapter owns state."""
