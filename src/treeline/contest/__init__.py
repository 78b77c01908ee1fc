"""Who gets what: the plan of the ladder, the jobs, the workers that run them, and the ledger that remembers.

Only `Contest` changes while a run goes on. Candidates are fitted here and nowhere else, always in a child process.
"""
