"""The embedded broker and registry, and the `fraudstream` command."""
