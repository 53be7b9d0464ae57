"""The foundation that every stage of the platform uses. It imports none of them."""
