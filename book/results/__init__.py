"""Results of real runs, kept as files, and the command that lines up any results."""
