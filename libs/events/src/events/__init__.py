"""The published language: every fact Kehu states, the shape it travels in, and nothing else."""
