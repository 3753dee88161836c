"""What single marks are worth: found, apart, sized and named as they are."""
