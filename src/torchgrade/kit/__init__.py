"""What a student gets: the kit of an assignment, made and brought up to date."""
