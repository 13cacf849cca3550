"""The command line: verbs over the HTTP door, the gate for pipelines, and what keeps a host in order.

Exit codes are the same everywhere: 0 done, 1 refused or something is wrong, 2 wrong usage, 20 nobody
answers, 141 nobody reads what is written (`| head -1`); the gate adds 10 denied and 11 the wait ran out.
"""

OK, REFUSED, USAGE, DENIED, WAITED, UNREACHABLE = 0, 1, 2, 10, 11, 20
UNREAD = 128 + 13  # as a shell shows a program that SIGPIPE ended
