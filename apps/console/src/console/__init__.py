"""The operations console: static files served by any host."""
