"""A mapping guessed from CSV files: columns understood by their names and by what stands in them."""
