"""The embedded SageMaker: moto's server, with SageMaker jobs and endpoints that really run."""
