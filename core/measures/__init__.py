"""Measures of a model, of a pass or of a Trace: what truncation, vanishing, exploding and clipping do to a gradient, as numbers."""
