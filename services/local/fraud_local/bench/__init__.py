"""`fraudstream bench`: the detector beside other ways to do its work, in turn, in one run."""
