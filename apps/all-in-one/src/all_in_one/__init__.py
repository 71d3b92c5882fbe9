"""All services and roles on one machine, the demo company and the `kehu` command."""
