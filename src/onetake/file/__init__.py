"""The portable MP4 writer, names and folders, the journal of a take, the report."""
