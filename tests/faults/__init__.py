"""Proof under faults: real processes, a real Kafka and a real PostgreSQL, and a checker of what each of them noted."""
