"""What the built-in PCA image does: `train` as a process of its own, `serve` inside the endpoint that hosts a model.

Files in the order of the flow: environment → hyperparameters → channels → sums → training (exchange between hosts,
metrics_log, test_score) → model_file → serve.
"""
