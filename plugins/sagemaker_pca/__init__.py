"""Raw CSV to features, model artifact, endpoint and projection: PCA pipelines on SageMaker."""

__version__ = "0.1.0"
