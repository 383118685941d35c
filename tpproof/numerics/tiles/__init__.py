"""The numbers of pairs, computed tile by tile, on a processor or a GPU."""
