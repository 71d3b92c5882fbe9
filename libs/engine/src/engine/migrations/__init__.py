"""How a service's database came to its shape, step by step (Alembic); the same for every service."""
