"""What is true of a finished file, measured from the outside."""
