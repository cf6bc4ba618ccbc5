"""The obs-websocket v5 adapter: remotes people already own drive this recorder unchanged.

Owns no state of the recorder: requests read snapshots and send commands, events are translated.
"""
