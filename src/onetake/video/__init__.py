"""WHAT IS SEEN. Pure: pacing, overlay geometry and masks, the CPU compositor."""
