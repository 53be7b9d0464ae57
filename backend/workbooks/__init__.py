"""The sample's spreadsheets: a stored-value membership, as four departments of the retailer report it each day."""
