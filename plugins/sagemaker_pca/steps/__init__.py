"""The pipelines' own tasks, one module each, in the order of a run.

preflight · stage_inputs · evaluate_model · smoke_test · finish_deployment · publish_report; for batch transforms
choose_model and check_projections, for endpoint commands report_command.
"""
