"""A recorder with every remote open, in a process of its own. Argument: the folder of the take.

Prints one JSON line with ports and the panel's address, records from the synthetic devices until
standard input ends, then prints what became of the take.
"""

import json
import sys
from pathlib import Path

from onetake.control.config import RemoteConfig
from onetake.control.controller import Controller
from onetake.control.remotes import Remotes, RemoteWish
from onetake.engine.recorder import Recorder
from onetake.model.settings import Settings

folder = Path(sys.argv[1])
settings = Settings(
    output=str(folder / "take.mp4"),
    screen="synthetic:screen?size=640x360",
    system_audio="synthetic",
    mic="synthetic",
    camera="synthetic:camera?size=320x240",
)
controller = Controller(Recorder(), settings, folder=folder)
wish = RemoteWish(session_id="abused", has_panel=True, has_obs=True, obs_port=0)
with Remotes(controller, wish, RemoteConfig(notify=False)) as remotes:
    controller.start()
    ports = {"panel": remotes.panel.port, "obs": remotes.obs.port, "url": remotes.panel_url()}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    dropped = controller.snapshot().dropped_frames
    finished = controller.stop()
told = {
    "verdict": finished.verdict,
    "reasons": finished.reasons,
    "dropped": dropped,
    "length_s": finished.duration_s,
}
sys.stdout.write(json.dumps(told) + "\n")
