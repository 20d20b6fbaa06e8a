"""Shopping: itineraries, open seats and prices joined into offers that expire."""
