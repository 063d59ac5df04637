"""What makes two runs put the same in service: settings that decide it, images, code and raw files. Pure."""

from __future__ import annotations

import hashlib
import json

from sagemaker_pca.run.plan import RunPlan, StagedInputs
from sagemaker_pca.settings.layers import what_decides
from sagemaker_pca.settings.pipeline import PcaRunConfig


def run_fingerprint(plan: RunPlan, inputs: StagedInputs) -> str:
    """Digest of everything that decides which model a run puts in service, and how it is served."""
    values, decides = plan.config.model_dump(mode="json"), what_decides(PcaRunConfig)
    document = {
        "settings": {name: value for name, value in values.items() if decides[name] != "nothing"},
        "images": [plan.processing_image, plan.pca_image],
        "code": inputs.code_digest,
        "raw": [inputs.raw_bucket, *(file.model_dump() for file in inputs.raw_files)],
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]
