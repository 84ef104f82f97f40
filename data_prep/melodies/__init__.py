"""From readings to melodies: filtered, grouped by kin, and assembled into flat arrays."""
