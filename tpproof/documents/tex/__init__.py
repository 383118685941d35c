"""What LaTeX needs of every printer: text as its text, and a run of it that reads and writes nothing outside."""
