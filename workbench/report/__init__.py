"""What a run and its evaluation look like to a person."""
