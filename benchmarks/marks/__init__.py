"""What becomes of marks of one kind, put into photographs and rendered faces of which everything else is known."""
