"""When each step runs. These files only wire: every task calls one library function and returns ids and counts, never rows."""
