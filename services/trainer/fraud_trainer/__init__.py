"""The trainer: fits models on features and packs them into bundles."""
