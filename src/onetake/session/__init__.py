"""WHAT A TAKE IS DOING. Pure: the state machine (machine) and its messages (messages)."""
