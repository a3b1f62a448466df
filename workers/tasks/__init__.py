"""What workers do, each task calling one service method."""
