"""One module a command: its arguments, and what it does with them.

`add` is called for every command at each start, so it imports nothing heavy.
"""
