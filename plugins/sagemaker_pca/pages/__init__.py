"""Pages in Airflow's own interface: a run's report, a pipeline's runs, the endpoints; served by its API server."""
