"""The README's picture: of each part the comparison that a newcomer asks for first."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.measurement import Group, Results, Row, picture_path

OVERVIEW = picture_path("overview")


class Headline(NamedTuple):
    """A row of the results, by its group, name and what stands beside it, and what a newcomer calls the two."""

    group: str
    name: str
    beside: str
    title: str
    other: str


HEADLINES = (
    Headline(
        "processing",
        "CSV to CSV features, moments included",
        "pandas (read_csv, fillna, astype, to_csv)",
        "features of 1,557,664 rows of CSV",
        "pandas",
    ),
    Headline(
        "processing",
        "CSV to RecordIO features",
        "bare pyarrow read of the same columns",
        "the same features as RecordIO",
        "pyarrow, only reading the file",
    ),
    Headline(
        "training",
        "training on 1,000,000 rows of 34 columns",
        "scikit-learn's PCA (covariance_eigh), reading included",
        "training on 1,000,000 rows of 34 columns",
        "scikit-learn's PCA",
    ),
    Headline(
        "endpoint",
        "one CSV row, median",
        "bare WSGI server, constant answer",
        "an endpoint's answer to one row",
        "a bare server's constant answer",
    ),
    Headline(
        "endpoint",
        "100,000 x 4 RecordIO in one call",
        "bare WSGI server, constant answer",
        "an endpoint's answer to 100,000 rows",
        "a bare server's constant answer",
    ),
    Headline(
        "deferred_waits",
        "memory of 50 waits",
        "50 waits of the provider's trigger",
        "memory of 50 tasks that wait for a job",
        "the Amazon provider's trigger",
    ),
    Headline(
        "run_overhead",
        "airflow dags test pca_pipeline, jobs apart",
        "the same graph of empty tasks",
        "a run of the pipeline, its jobs apart",
        "the same tasks, doing nothing",
    ),
    Headline(
        "pages",
        "a pipeline's page, the newest 50 of 1,000 runs",
        "GET /api/v2/dags/…/dagRuns?limit=100",
        "a pipeline's page in Airflow, 50 runs",
        "Airflow's own list of 100 runs",
    ),
)


class Overview(Group):
    """Rows of several groups; each was chosen to be drawn."""

    @property
    def pictured(self) -> tuple[Row, ...]:
        """All of them."""
        return self.rows


def overview(results: Results) -> Overview:
    """Return the headlines' rows as one group, as disturbed as the most disturbed of theirs."""
    found = {headline: row for headline in HEADLINES if (row := row_of(results, headline))}
    if not found:
        return Overview(rows=())
    groups = [results.groups[headline.group] for headline in found]
    newest = max(groups, key=lambda group: group.taken_at)
    rows = (
        row.model_copy(update={"name": headline.title, "beside": headline.other}) for headline, row in found.items()
    )
    return Overview(
        title="What it takes, beside what one would otherwise run",
        rows=tuple(rows),
        taken_at=newest.taken_at,
        machine=newest.machine,
        load_before=max(group.load_before for group in groups),
    )


def row_of(results: Results, headline: Headline) -> Row | None:
    """Return the row of a headline, None where it was not measured."""
    rows = results.groups[headline.group].rows if headline.group in results.groups else ()
    return next((row for row in rows if (row.name, row.beside) == (headline.name, headline.beside)), None)
