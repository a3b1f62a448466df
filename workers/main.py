"""The Celery application: one task, which runs the job its message names."""

import uuid
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, worker_init, worker_process_init
from typing_extensions import override

from app.bootstrap import build
from app.doctor import require
from app.platform import telemetry
from app.platform.jobs import JobId
from app.platform.settings import Settings
from app.services import Services
from tenants.scope import current_scope, entered
from workers.messages import sealed, unsealed
from workers.tasks.running import run

settings = Settings()  # pyright: ignore[reportCallIssue]  # read from the environment
_key = settings.secret_key.get_secret_value().encode()

app = Celery("lantai", broker=settings.broker_url.get_secret_value())
app.conf.update(
    task_ignore_result=True,
    task_default_queue="default",
    worker_prefetch_multiplier=1,
    worker_max_memory_per_child=1_500_000,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 5, "health_check_interval": 10},
)
_services: list[Services] = []


class ScopedTask(Task):
    """Carry the sender's scope in the message; a message without one fails."""

    @override
    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        headers = {**(options.pop("headers", None) or {}), **sealed(current_scope(), _key)}
        return super().apply_async(args, kwargs, headers=headers, **options)

    @override
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with entered(unsealed(self.request.headers, _key)):
            return super().__call__(*args, **kwargs)


@setup_logging.connect
def _log(**_: object) -> None:
    telemetry.configure("worker")


@worker_init.connect
def _examine(**_: object) -> None:
    require(settings, settings.database_url)


@worker_process_init.connect
def _wire(**_: object) -> None:
    _services.append(build(settings))


@app.task(base=ScopedTask, name="lantai.run")
def run_job(job_id: str) -> None:
    """Run one job of the jobs table.

    Parameters
    ----------
    job_id : str
        UUID; the county it belongs to travels sealed in the headers.
    """
    run(_services[0], JobId(uuid.UUID(job_id)))
