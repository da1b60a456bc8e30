"""The laboratory: pages that study the network of the learner's run, as it is trained so far."""
