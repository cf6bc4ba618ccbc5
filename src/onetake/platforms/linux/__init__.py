"""X11 screens, PulseAudio sound, V4L2 and network cameras."""
