"""Raw CSV to features, model artifact, endpoint and projection: PCA pipelines on SageMaker."""
