"""What makes of the wanted state the real one, kind by kind."""
