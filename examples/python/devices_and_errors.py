"""See what can be recorded, and what is said when something cannot."""

import onetake

for device in onetake.devices():
    print(device.role, device.id, device.name, "(default)" if device.is_default else "")

for wish in ({"mic": "no such microphone"}, {"fps": 1000}, {"colour": "red"}):
    try:
        onetake.record("never.mp4", screen="synthetic", system_audio="none", **wish)
    except onetake.OnetakeError as error:
        print(f"{error.code} (exit code {error.exit_code}): {error.message}; {error.hint}")
