"""Training as many times as there are folds on cached features: every image found by a detector that never saw it."""
