"""What can be wrong with a Kehu on this machine: each check says what it found and what to do about it."""
