"""Addresses of a task's buttons."""

from types import SimpleNamespace

from sagemaker_pca.links import EndpointLink, RunReportLink
from sagemaker_pca.resource_kinds import ENDPOINT


def test_the_report_is_below_airflows_own_address_whatever_the_run_is_called() -> None:
    key = SimpleNamespace(dag_id="größe", run_id="manual__2026-11-22T09:30:00+00:00")
    assert RunReportLink().get_link(None, ti_key=key) == (
        "dags/gr%C3%B6%C3%9Fe/runs/manual__2026-11-22T09%3A30%3A00%2B00%3A00/plugin/pca_report"
    )


def test_an_endpoints_button_leads_to_its_part_of_the_page_and_nowhere_before_there_is_one() -> None:
    addresses = [
        EndpointLink().get_link(SimpleNamespace(link_target=target), ti_key=None)
        for target in ((ENDPOINT, "ecg"), None)
    ]
    assert addresses == ["sagemaker-pca/endpoints#ecg", ""]
