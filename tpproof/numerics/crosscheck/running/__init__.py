"""Many networks: here, over processes, over a cluster, with a journal; one network over several workers."""
