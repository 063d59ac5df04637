"""The pages as one application beside Airflow's own: closed to whoever is not signed in, whatever is added later.

Airflow mounts a plugin's application bare, so each router asks for its own rights; see `access`.
"""

from __future__ import annotations

from functools import cache

from airflow.api_fastapi.core_api.security import requires_authenticated
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as RoutingError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sagemaker_pca.pages import endpoints_page, pipeline_page, report_page, try_it
from sagemaker_pca.pages.rendering import html_page

# No script, nothing fetched, and no frame but Airflow's own.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
ERRORS = {
    400: ("This was not done", ""),
    401: ("You are not signed in", "Sign in to Airflow, then open this page again."),
    403: (
        "You may not do this",
        "Ask whoever administers this Airflow for the right to read this DAG's runs, or to trigger them.",
    ),
    404: (
        "There is no such page",
        "Open it from Airflow: a run has a tab PCA report, a pipeline a tab PCA runs, the menu Browse PCA endpoints.",
    ),
}


class SecureHeaders:
    """Puts the headers on every answer, refusals and errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, headers added."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def explain(request: Request, error: Exception) -> Response:
    """A refusal as a page in words; of an error that nobody expected, Airflow's log has the rest."""
    if isinstance(error, RequestValidationError):
        problems = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors())
        status, detail = 422, f"The address asks for what this page does not know. {problems}."
    elif isinstance(error, RoutingError):
        status, detail = error.status_code, str(error.detail)
    else:
        status, detail = 500, "The API server's log says why."
    title, hint = ERRORS.get(status, ("This page could not be made", ""))
    return html_page("message.html", {"title": title, "hint": hint, "detail": detail}, status)


@cache
def pages_app() -> FastAPI:
    """The application, without the schema pages that FastAPI would open to everybody."""
    app = FastAPI(
        title="PCA pipelines",
        dependencies=[Depends(requires_authenticated())],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(RoutingError, explain)
    app.add_exception_handler(RequestValidationError, explain)
    app.add_exception_handler(Exception, explain)
    pages = (report_page, pipeline_page, endpoints_page, try_it)
    for router in (*(page.router for page in pages), endpoints_page.plan_router):
        app.include_router(router)
    # Around the whole stack: what FastAPI adds lies within the part that answers errors nobody expected.
    app.middleware_stack = SecureHeaders(app.build_middleware_stack())
    return app
