"""Where heads go."""
