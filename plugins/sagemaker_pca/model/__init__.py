"""The PCA model and its data in numbers: artifact, moments, evaluation, comparison, model card. Pure."""
