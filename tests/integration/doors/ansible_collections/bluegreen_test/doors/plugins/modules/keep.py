"""See the action."""
