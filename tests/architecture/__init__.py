"""Laws about the shape of the code, each proved to bite."""
