"""The pipeline's own tasks, one module each, in the order of a run.

preflight · stage_inputs · evaluate_model · smoke_test · roll_back · publish_results
"""
