"""Both sides joined: a test for every quantity, a verdict with its power, tables, files and figures."""
