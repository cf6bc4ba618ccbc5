"""Command line, status line, panel."""
