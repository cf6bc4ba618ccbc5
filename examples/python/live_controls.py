"""Steer a take while it runs; each call returns where in the file it takes effect, in seconds."""

import time

import onetake

devices = dict.fromkeys(("screen", "system_audio", "mic", "camera"), "synthetic")
with onetake.record("live_controls.mp4", **devices) as take:
    muted_s = take.mic.mute()
    take.system.gain_db = -6
    take.camera.move(anchor="top-left", shape="circle", height=0.3)
    take.mark("the second part")
    time.sleep(0.5)
    paused_s = take.pause()
    time.sleep(0.5)
    resumed_s = take.resume()
    time.sleep(0.5)
    take.camera.hide()
    unmuted_s = take.mic.unmute()
    take.switch("mic", "synthetic:mic?drift_ppm=200")

print(f"muted from {muted_s:.3f} to {unmuted_s:.3f} s of {take.result.duration_s:.3f} s")
print(f"the pause takes no room in the file: {paused_s:.3f} s is {resumed_s:.3f} s")
