"""Devices made of arithmetic: they run anywhere, in real time or on a virtual clock."""
