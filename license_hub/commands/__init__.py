"""One module for each command of `hub`. Every one is a composition root: thin, and importing its library inside the function."""
