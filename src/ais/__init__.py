"""The open passenger service system."""
