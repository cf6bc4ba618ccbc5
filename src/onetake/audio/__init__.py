"""WHAT IS HEARD. Pure: a source laid onto the timeline, gain, mixing, limiting, metering."""
