"""An invented can maker (制罐企业): its customers and three years of documents, as a function of a seed and a day.

Nothing here reads a clock, a file or a network, or rolls dice of its own: the same seed and day give the same
documents, for ever and on every machine. No name in it is meant to be that of a real company.
"""
