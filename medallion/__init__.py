"""The ground floor: what every stage of the platform stands on. It imports none of them."""
