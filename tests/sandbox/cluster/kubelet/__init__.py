"""The node: runs pods as processes, probes them and tells how they are."""
