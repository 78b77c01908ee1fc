"""How it is told: a summary of plain data, and the HTML page, the terminal tables and the live display made from it.

Nothing here fits, scores or decides; a number that is not in the summary is not told.
"""
