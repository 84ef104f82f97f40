"""Web servers on this machine: their address, their guard against other sites, and bounded requests."""
