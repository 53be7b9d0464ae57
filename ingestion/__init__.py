"""Source API → Bronze: one collector per source entity, one HTTP client, one Bronze writer."""
