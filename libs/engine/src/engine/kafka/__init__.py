"""Kafka as the bus: the only package that speaks to it.

`access` says where the cluster is, `records` what an event looks like there, `sending` how records get in, `relay` who
sends the log, `line` and `bus` how a process reads it, `messages` the topics of documents, `admin` what topics there
are.
"""
