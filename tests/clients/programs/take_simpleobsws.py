"""A take by simpleobsws (MessagePack): prints what it saw as one JSON object. Arguments: port,
password."""

import asyncio
import json
import sys

import simpleobsws

port, password = sys.argv[1:3]
seen = []


async def on_state(data):
    seen.append(data["outputState"])


async def on_mute(data):
    seen.append(f"{data['inputName']} {data['inputMuted']}")


async def until(state):
    while state not in seen:
        await asyncio.sleep(0.02)


async def main():
    client = simpleobsws.WebSocketClient(url=f"ws://127.0.0.1:{port}", password=password)
    await client.connect()
    await client.wait_until_identified()
    client.register_event_callback(on_state, "RecordStateChanged")
    client.register_event_callback(on_mute, "InputMuteStateChanged")

    async def call(request_type, data=None):
        answer = await client.call(simpleobsws.Request(request_type, data))
        assert answer.ok(), (request_type, answer.requestStatus)
        return answer.responseData

    await call("StartRecord")
    await until("OBS_WEBSOCKET_OUTPUT_STARTED")
    await asyncio.sleep(1)
    await call("SetInputMute", {"inputName": "Microphone", "inputMuted": True})
    await asyncio.sleep(1)
    await call("SetInputMute", {"inputName": "Microphone", "inputMuted": False})
    batch = await client.call_batch(
        [
            simpleobsws.Request("GetRecordStatus"),
            simpleobsws.Request("GetStats"),
            simpleobsws.Request("NoSuchRequest"),
        ]
    )
    await asyncio.sleep(0.5)
    path = (await call("StopRecord"))["outputPath"]
    await until("OBS_WEBSOCKET_OUTPUT_STOPPED")
    codes = [one.requestStatus.code for one in batch]
    sys.stdout.write(json.dumps({"path": path, "seen": seen, "codes": codes}))
    await client.disconnect()


asyncio.run(main())
