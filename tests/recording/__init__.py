"""The embedded service with a recorder in front of it, for tests of IAM policies and of the number of calls.

`python -m tests.recording` takes the arguments of `python -m sagemaker_local`. There,
`GET /sagemaker-local/calls` answers with the newest 100,000 calls since the last `DELETE`:

    {"calls": [{"time": "2026-01-01T00:00:00.000000+00:00", "identity": "arn:aws:sts::123456789012:user/moto",
      "user_agent": "Boto3/1.44", "call": "sagemaker:CreateModel", "status": 200, "authorizations": [
        {"action": "sagemaker:CreateModel", "resource": "arn:aws:sagemaker:us-east-1:123456789012:model/a",
         "condition_keys": {"aws:RequestTag/owner": "b", "aws:TagKeys": ["owner"]}},
        {"action": "iam:PassRole", "resource": "arn:aws:iam::123456789012:role/c",
         "condition_keys": {"iam:PassedToService": "sagemaker.amazonaws.com"}}]}]}

What jobs and endpoints read and write in S3 stands there under the role that was passed for them.
"""
