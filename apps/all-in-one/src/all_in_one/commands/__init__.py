"""The commands, a file for each group; `all_in_one.cli` puts them together."""
