"""Working stand-ins for services of others, without a network."""
