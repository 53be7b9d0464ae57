"""The stored-value membership: money loaded onto cards and spent from them, as four departments report it by file."""
