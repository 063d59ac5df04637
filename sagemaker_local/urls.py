"""Where moto's server sends SageMaker's control-plane requests."""

from sagemaker_local.responses import LocalSageMakerResponse

url_bases = [r"https?://api\.sagemaker\.(.+)\.amazonaws.com"]
url_paths = {"{0}/$": LocalSageMakerResponse.dispatch}
