"""Trains a model from what the detector logged, or from a history, and puts it where detectors find it."""
