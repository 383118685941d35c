"""The networks' side: every quantity, read off one finite network. Nothing of it is the limit or the proof."""
