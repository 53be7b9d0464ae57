"""Everything needed to run the platform on one machine: embedded Postgres, processes, the `retail` command."""
