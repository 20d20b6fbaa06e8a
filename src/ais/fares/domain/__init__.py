"""What a journey costs, as pure rules over immutable data: no input or output, no clock."""
