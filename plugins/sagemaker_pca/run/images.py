"""SageMaker's own images: the built-in PCA and scikit-learn, by region. Pure.

The facts of the SageMaker SDK's tables (image_uri_config/pca.json and sklearn.json), which a test holds these against:
the SDK itself takes seconds to import and 190 MB of memory.
"""

from __future__ import annotations

import re

from sagemaker_pca.exceptions import SettingError

# By region, the accounts of the images for PCA and for scikit-learn.
ACCOUNTS = {
    "af-south-1": ("455444449433", "510948584623"),
    "ap-east-1": ("286214385809", "651117190479"),
    "ap-northeast-1": ("351501993468", "354813040037"),
    "ap-northeast-2": ("835164637446", "366743142698"),
    "ap-northeast-3": ("867004704886", "867004704886"),
    "ap-south-1": ("991648021394", "720646828776"),
    "ap-south-2": ("628508329040", "628508329040"),
    "ap-southeast-1": ("475088953585", "121021644041"),
    "ap-southeast-2": ("712309505854", "783357654285"),
    "ap-southeast-3": ("951798379941", "951798379941"),
    "ap-southeast-4": ("106583098589", "106583098589"),
    "ca-central-1": ("469771592824", "341280168497"),
    "ca-west-1": ("190319476487", "190319476487"),
    "cn-north-1": ("390948362332", "450853457545"),
    "cn-northwest-1": ("387376663083", "451049120500"),
    "eu-central-1": ("664544806723", "492215442770"),
    "eu-central-2": ("680994064768", "680994064768"),
    "eu-north-1": ("669576153137", "662702820516"),
    "eu-south-1": ("257386234256", "978288397137"),
    "eu-south-2": ("104374241257", "104374241257"),
    "eu-west-1": ("438346466558", "141502667606"),
    "eu-west-2": ("644912444149", "764974769150"),
    "eu-west-3": ("749696950732", "659782779980"),
    "il-central-1": ("898809789911", "898809789911"),
    "me-central-1": ("272398656194", "272398656194"),
    "me-south-1": ("249704162688", "801668240914"),
    "sa-east-1": ("855470959533", "737474898029"),
    "us-east-1": ("382416733822", "683313688378"),
    "us-east-2": ("404615174143", "257758044811"),
    "us-gov-east-1": ("237065988967", "237065988967"),
    "us-gov-west-1": ("226302683700", "414596584902"),
    "us-iso-east-1": ("490574956308", "833128469047"),
    "us-isob-east-1": ("765400339828", "281123927165"),
    "us-isof-east-1": ("108575199400", "108575199400"),
    "us-isof-south-1": ("124985052026", "124985052026"),
    "us-west-1": ("632365934929", "746614075791"),
    "us-west-2": ("174872318107", "246618743249"),
}
SKLEARN_VERSIONS = ("0.20.0", "0.23-1", "1.0-1", "1.2-1", "1.4-2", "1.4-2-py312", "1.9-0")
# Where a region's registry is; any other: amazonaws.com.
DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}
# Graviton: a g behind the generation, as in ml.m6g.large and ml.c7gn.large.
ARM_INSTANCE_TYPE = re.compile(r"ml\.[a-z]+\d+g[a-z]*\..*")


def pca_image_uri(region: str) -> str:
    """The built-in algorithm's image.

    Raises:
        SettingError: in a region that the table does not have.
    """
    if region not in ACCOUNTS:
        raise SettingError(f"No PCA image is known in {region}.", hint="Give training_image_uri yourself.")
    return _uri(ACCOUNTS[region][0], region, "pca:1")


def sklearn_image_uri(region: str, version: str, instance_type: str) -> str:
    """SageMaker's scikit-learn image.

    Raises:
        SettingError: on a region or version that the table does not have, or an instance that no image is made for.
    """
    own = "give processing_image_uri yourself."
    if region not in ACCOUNTS:
        raise SettingError(f"No scikit-learn image is known in {region}.", hint=own.capitalize())
    if version not in SKLEARN_VERSIONS:
        raise SettingError(
            f"sklearn_version={version} is none of {', '.join(SKLEARN_VERSIONS)}.",
            hint=f"Correct sklearn_version, or {own}",
        )
    if ARM_INSTANCE_TYPE.fullmatch(instance_type):
        raise SettingError(
            f"sklearn_version={version} has no image for processing_instance_type={instance_type}.",
            hint=f"Choose an instance type with an Intel or AMD processor, or {own}",
        )
    return _uri(ACCOUNTS[region][1], region, f"sagemaker-scikit-learn:{version}-cpu-py3")


def _uri(account: str, region: str, image: str) -> str:
    suffix = next((suffix for start, suffix in DNS_SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    return f"{account}.dkr.ecr.{region}.{suffix}/{image}"
