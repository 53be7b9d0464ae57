"""Notifications of incidents: Airflow's notifiers, over Airflow's connections, to the addresses in the settings.

Imported by the callbacks only, never while a DAG file is parsed. A message contains error texts, which may quote
foreign input: they are passed to the templates as values and never become a template.
"""

from __future__ import annotations

import html
import logging
from typing import TYPE_CHECKING, Any

import httpx
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import Connection
from airflow.sdk.bases.notifier import BaseNotifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from medallion.alerting.messages import Channels, Incident
    from medallion.settings import Settings

TIMEOUT_SECONDS = 10


class WebhookRefused(Exception):
    """The address did not take the message. The error does not name the address, which may itself be the secret."""


class OneTry(SmtpHook):
    """An SMTP hook with one short try: the task waits for it, and a message that was not taken is sent again later."""

    smtp_retry_limit = 0
    timeout = TIMEOUT_SECONDS


class MailNotifier(SmtpNotifier):
    """Airflow's mail notifier with a single, short try."""

    @property
    def hook(self) -> SmtpHook:
        """The connection to the mail server."""
        return OneTry(smtp_conn_id=self.smtp_conn_id, auth_type=self.auth_type)


class WebhookNotifier(BaseNotifier):
    """POSTs `context["incident"]` as JSON to the address of an Airflow connection.

    Login and password of the connection become basic authentication, a password alone a bearer token, its extra
    fields headers.
    """

    template_fields = ("conn_id",)

    def __init__(self, *, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id

    def notify(self, context: Any) -> None:
        """Send it once. Raises WebhookRefused."""
        conn = Connection.get(self.conn_id)
        headers = {name: str(value) for name, value in conn.extra_dejson.items()}
        if conn.password and not conn.login:
            headers["Authorization"] = f"Bearer {conn.password}"
        login = (conn.login, conn.password or "") if conn.login else None
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log the address
        try:
            answer = httpx.post(
                address(conn), json=context["incident"], headers=headers, auth=login, timeout=TIMEOUT_SECONDS
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WebhookRefused(f"the webhook of connection {self.conn_id}: {type(error).__name__}") from None
        if not answer.is_success:
            raise WebhookRefused(f"the webhook of connection {self.conn_id} answered {answer.status_code}")


def channels(settings: Settings | None) -> Channels:
    """The channels that the settings name, each with the function that sends to it."""
    found: dict[str, Callable[[Incident], None]] = {}
    if settings and settings.alert_email:
        to = [address.strip() for address in settings.alert_email.split(",") if address.strip()]
        found["email"] = lambda incident: _mail(to, incident)
    if settings and (conn_id := settings.alert_webhook):
        found["webhook"] = lambda incident: _post(conn_id, incident)
    return found


def address(conn: Any) -> str:
    """The web address of a connection, written as `https://host/path` or, as Airflow's HTTP hook has it, in parts."""
    host = conn.host or ""
    if "://" in host:
        return f"{host}/{conn.schema}" if conn.schema else host
    is_scheme = conn.schema in ("http", "https")
    scheme = "https" if "https" in (conn.conn_type, conn.schema) else "http"
    port = f":{conn.port}" if conn.port else ""
    return f"{scheme}://{host}{port}/{'' if is_scheme else conn.schema or ''}"


def _mail(to: list[str], incident: Incident) -> None:
    rows = "".join(
        f"<tr><td><b>{html.escape(label)}</b></td><td>{html.escape(said)}</td></tr>"
        for label, said in incident.lines().items()
    )
    notifier = MailNotifier(to=to, subject="{{ incident_subject }}", html_content="{{ incident_body }}")
    notifier({"incident_subject": f"[retail] {incident.headline()}", "incident_body": f"<table>{rows}</table>"})


def _post(conn_id: str, incident: Incident) -> None:
    said = "\n".join([incident.headline(), *(f"{label}: {words}" for label, words in incident.lines().items())])
    WebhookNotifier(conn_id=conn_id)({"incident": {"text": said, **incident.as_json()}})
