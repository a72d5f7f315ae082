"""The command line, on top of all: the one room that may know jobs and data.

Exit codes: 0 done, 2 wrong usage, 3 input refused, 4 store unusable, 5 the machine lacks something, 6 the
store says otherwise than its facts.
"""
