"""The menu-bar application of the macOS bundle."""
