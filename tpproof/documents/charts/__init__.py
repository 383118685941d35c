"""What is placed once and printed twice beside programs: the steps' dependencies, deviations against widths."""
