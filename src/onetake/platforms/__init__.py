"""THE EDGES. One folder a system behind one contract; no policy."""
