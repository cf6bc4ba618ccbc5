"""Record three sources for a second and say what came of it."""

import time

import onetake

with onetake.record("record.mp4", screen="synthetic", system_audio="synthetic", mic="none") as take:
    time.sleep(1)

finished = take.result
print(finished.path, finished.verdict, f"{finished.duration_s:.1f} s", finished.reasons)
