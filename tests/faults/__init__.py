"""Power cuts, lost connections, full disks: whatever ends when, nothing is lost, nothing is made twice, nobody has to repair anything."""
