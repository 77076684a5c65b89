"""Question banks in the formats of other systems: GIFT, Moodle XML, CSV."""
