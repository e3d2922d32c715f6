"""A witness: a small program of its own that cosigns a log's checkpoints (C2SP tlog-witness). It knows no database, no lake, no hub.

Run it as another user, on another machine if you can: what it protects against is the hub's own operator.
"""
