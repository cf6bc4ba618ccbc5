"""The values every room speaks: what flows, what is said, what is asked.

Nothing here starts a thread, reads a clock or touches a file. Wire values are msgspec structs, so
that the command line, the configuration file, JSON-RPC and the docs all come from the same types.
"""
