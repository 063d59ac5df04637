"""What makes two runs train the same model: settings, images, script and raw files. Pure."""

from __future__ import annotations

import hashlib
import json

from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.run_plan import RunPlan, StagedInputs

# Who asks, how patiently, and how many old models stay makes no other model.
SECTIONS_WITHOUT_EFFECT = frozenset({"Security", "Waiting"})
SETTINGS_WITHOUT_EFFECT = frozenset({"force", "keep_superseded", "lease_wait_seconds"})


def run_fingerprint(plan: RunPlan, inputs: StagedInputs) -> str:
    """Digest of everything that decides which model a run puts in service."""
    values = plan.config.model_dump(mode="json")
    deciding = {name: value for name, value in values.items() if has_effect(name)}
    document = {
        "settings": deciding,
        "images": [plan.processing_image, plan.pca_image],
        "code": inputs.code_uri.rstrip("/").rsplit("/", 1)[-1],
        "raw": [inputs.raw_bucket, *(file.model_dump() for file in inputs.raw_files)],
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]


def has_effect(name: str) -> bool:
    """Whether a setting decides which model is put in service."""
    extra = PcaRunConfig.model_fields[name].json_schema_extra
    section = extra.get("section") if isinstance(extra, dict) else None
    return section not in SECTIONS_WITHOUT_EFFECT and name not in SETTINGS_WITHOUT_EFFECT
