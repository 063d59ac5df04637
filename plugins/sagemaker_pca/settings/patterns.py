"""What a setting's text has to look like, and the service's own limits, each with its source. Pure."""

import re
from typing import Annotated

from pydantic import StringConstraints

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
RESOURCE_NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
S3_URI = r"^s3://[^/]+/.*$"
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
# As in the SageMaker SDK's table of images: release, build, and the Python where a release has several.
SKLEARN_VERSION = r"^\d+\.\d+[.-]\d+(-py\d+)?$"
# https://github.com/aws/sagemaker-scikit-learn-container: images before 1.2-1 have Python 3.7 or 3.8 at the most.
FIRST_SKLEARN = (1, 2)
IMAGE_URI = r"^\S{1,255}$"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
ROLE = r"^(arn:aws[a-z-]*:iam::\d{12}:role/)?[a-zA-Z0-9_+=,.@/-]+$"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html
LARGEST_VOLUME_GB = 16_384
# Stripped here and nowhere else, as the job strips a file's header; one name a line in the arguments file, so without
# anything that ends a line.
ColumnName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f\x85\u2028\u2029]+$")]
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Alarm.html
AlarmName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
MOST_ALARMS = 10


def refuse_old_sklearn(version: str) -> None:
    """Refuse a version of SageMaker's scikit-learn container that cannot run the processing script.

    Raises:
        ValueError: naming the first that can.
    """
    major, minor = map(int, re.split("[.-]", version)[:2])
    if (major, minor) < FIRST_SKLEARN:
        raise ValueError(
            f"sklearn_version={version} is an image whose Python is older than the 3.9 that the processing script "
            "needs. Give 1.2-1 or later, or an image of your own as processing_image_uri."
        )
