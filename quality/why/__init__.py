"""Why a figure is what it is: from a row of Gold back to its lines in Bronze. `trace.why` is the way in.

It changes nothing. It names every version of a record that has landed, with what became of it, and the lines of the
fact that a row of a mart is made of.
"""
