"""The real stage: an X server, a sound server, a sound card, a microphone and a camera, with truth.

Nothing is mocked: the devices are real to the recorder, and what they truly showed and played, and
when, is known to a fraction of a millisecond.
"""
