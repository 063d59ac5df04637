"""The plugin that every process of Airflow loads: where its pages stand."""

from sagemaker_pca.links import PAGES_PREFIX, REPORT_TAB
from sagemaker_pca.plugin import SageMakerPcaPlugin


def test_pages_stand_below_airflows_own_address_each_under_a_route_of_its_own() -> None:
    views = SageMakerPcaPlugin.external_views
    assert [view["href"].partition("/")[0] for view in views] == [PAGES_PREFIX] * len(views)
    routes = [view["url_route"] for view in views if "url_route" in view]
    assert REPORT_TAB in routes
    assert len(set(routes)) == len(routes)
