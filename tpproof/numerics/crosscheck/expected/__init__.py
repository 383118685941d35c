"""The limit's side: what the proof says about finite networks, with errors. Nothing of it is a network."""
