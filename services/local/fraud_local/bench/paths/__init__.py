"""The ways to work through a topic, one module each; every one runs as a process of its own.

A path is told its `Task` as JSON on its command line, and says its `Result` as the last line of its output.
"""
