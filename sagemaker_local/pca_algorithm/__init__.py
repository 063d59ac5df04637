"""What the built-in PCA image does: `train` as a process of its own, `serve` inside the endpoint that hosts a model.

Read training as environment → hyperparameters → channels (content_type, csv_matrix) → accumulation → sums → exchange →
model_file, tied together by `training`; and serving as payloads → serve.
"""
