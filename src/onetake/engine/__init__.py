"""THE ONLY THREADS. Wires sources, queues, lanes and writer into a running take."""
