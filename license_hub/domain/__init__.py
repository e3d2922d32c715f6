"""What a license is, what may happen to it and what we say of it. Pure: no IO, no clock (`now` is a parameter)."""
