"""Charts of the laboratory: what a study found -> a Picture."""
