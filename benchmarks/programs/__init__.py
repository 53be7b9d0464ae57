"""Programs that a comparison starts as processes of their own. Those for peers run in the peer's environment."""
