"""Stand-ins of outside systems: real servers on loopback that speak the real wire format."""
