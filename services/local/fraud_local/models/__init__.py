"""`fraudstream models`: which bundles there are, which one decides, and what comes next."""
