"""The tagging API as AWS has it: what is asked for by ARN comes in one answer, however many tags it carries."""

from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend


class LocalTaggingBackend(ResourceGroupsTaggingAPIBackend):
    """moto's tagging API; it would end a page after 100 tags, although AWS knows no pages of a list of ARNs.

    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
    """

    def get_resources(self, *args: Any, **query: Any) -> tuple[str | None, list[TaggedResource]]:
        """Return a page of tagged resources and the next page's token (None after the last)."""
        if not query.get("resource_arn_list"):
            return super().get_resources(*args, **query)
        return None, list(self._get_resources_generator(resource_arn_list=query["resource_arn_list"]))


# moto finds a service's routes beside the module of its backend.
LocalTaggingBackend.__module__ = ResourceGroupsTaggingAPIBackend.__module__
