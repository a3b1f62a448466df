"""The engines of the embedded profile: real servers out of wheels, in one data folder, in the foreground."""
