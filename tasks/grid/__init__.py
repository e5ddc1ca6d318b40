"""Which combinations there are: parameters, their values, what is ruled out."""
