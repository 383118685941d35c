# Every bound that the checker enforces, on one screen.
#
# Beyond a bound the answer is *declined*, never *accepted* and never a crash.
# 

MAX_BYTES = 96 * 2**20  # of a certificate or network file
MAX_DEPTH = 64  # nesting of brackets; looked at before the text is parsed
MAX_CONTAINERS = 8_000_000  # lists and objects in one file
MAX_DIGITS = 1_000  # of an integer, and characters of a fraction
MAX_NODES = 200_000
MAX_DECLARED = 100_000  # inputs, parameters, functions, outputs: each
MAX_MASK_BITS = 4_000_000_000  # (references) x (symbols + G-vars)
MAX_ITEMS = 10_000_000  # entries of all frontiers and linear forms together
MAX_BITS = 200_000  # of a number met while bounding a node
MAX_STEPS = 500_000
MAX_SYMMETRIES = 200
MAX_WORK = 200_000_000  # comparisons of supports and of paths, in all
WEIGHT = 20  # of a G-var of a path listed, in comparisons; of an image of a pair and of each term there, twice that
BOUND = 10**60  # interval bounds with larger numerators or denominators are forgotten (part of the format)
SECONDS = 600.0  # of one check
TEXT = 400  # characters of one explanation; ten times as many of each part of a network shown "as stated"
