"""What the tests start for themselves: servers, sample departments, a browser."""
