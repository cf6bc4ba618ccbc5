"""A take by obsws-python: prints what it saw as one JSON object. Arguments: port, password."""

import json
import sys
import time

import obsws_python

port, password = int(sys.argv[1]), sys.argv[2]
seen = []


def on_record_state_changed(data):
    seen.append(data.output_state)


def on_input_mute_state_changed(data):
    seen.append(f"{data.input_name} {data.input_muted}")


events = obsws_python.EventClient(host="127.0.0.1", port=port, password=password)
events.callback.register([on_record_state_changed, on_input_mute_state_changed])
client = obsws_python.ReqClient(host="127.0.0.1", port=port, password=password, timeout=10)
version = client.get_version()
client.start_record()
while "OBS_WEBSOCKET_OUTPUT_STARTED" not in seen:
    time.sleep(0.02)
time.sleep(1)
client.set_input_mute("Microphone", True)
time.sleep(1)
client.toggle_input_mute("Microphone")
client.set_input_volume("System Audio", vol_db=-6)
volume = client.get_input_volume("System Audio").input_volume_db
client.set_scene_item_enabled("Recording", 2, False)
client.pause_record()
paused = client.get_record_status().output_paused
client.resume_record()
shot = client.get_source_screenshot("Recording", "jpg", 320, 180, 80).image_data
time.sleep(0.5)
path = client.stop_record().output_path
while "OBS_WEBSOCKET_OUTPUT_STOPPED" not in seen:
    time.sleep(0.02)
sys.stdout.write(
    json.dumps(
        {
            "path": path,
            "seen": seen,
            "paused": paused,
            "volume": volume,
            "shot": shot[:16],
            "rpc": version.rpc_version,
            "inputs": [one["inputName"] for one in client.get_input_list().inputs],
        }
    )
)
