"""Pages under `/quality`: from a falling score to the failing rows to a ticket at the body that can fix them.

Each module is a page or a few that belong together and has `router(around)`; what a page needs of the hub comes in as `Surroundings`.
"""
