"""The register of tasks: name in the jobs table → what is done."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.audit.service import log_id
from app.intake.types import ImportId
from app.kernel.errors import NotFound
from app.platform.jobs import Job
from app.services import Services
from tenants.policy import as_province
from tenants.scope import PROVINCE, Principal, current_scope, entered

Progress = Callable[[int, int], None]
"""Told the units done and all units."""

Handler = Callable[[Services, Job, Progress], object]


def _checkpoint(services: Services, job: Job, _progress: Progress) -> None:
    if job.subject_id != log_id(job.tenant):
        raise NotFound("log")
    services.audit.checkpoint()


def _detect(services: Services, job: Job, _progress: Progress) -> None:
    if job.subject_id != log_id(job.tenant):
        raise NotFound("log")
    watch = Principal("system:detectors", roles=frozenset({"system"}))
    with entered(replace(current_scope(), principal=watch)):
        services.alerts.detect()


def _provision(services: Services, job: Job, progress: Progress) -> None:
    scope = current_scope()
    if scope.tenant != PROVINCE:
        raise NotFound("tenant")
    services.provisioning.run(str(job.args["tenant"]), as_province(scope, "provisioning"), progress)


HANDLERS: Mapping[str, Handler] = {
    "audit.checkpoint": _checkpoint,
    "audit.detect": _detect,
    "departure.export": lambda services, job, progress: services.departures.run(job.subject_id, progress),
    "departure.retire": lambda services, job, progress: services.retirements.run(job.subject_id, progress),
    "digitisation.page": lambda services, job, _: services.digitisation.process_page(job.subject_id),
    "digitisation.unpack": lambda services, job, progress: services.digitisation.unpack(job.subject_id, progress),
    "intake.read": lambda services, job, progress: services.intake.read(ImportId(job.subject_id), progress),
    "intake.write": lambda services, job, progress: services.intake.write(ImportId(job.subject_id), progress),
    "tenants.provision": _provision,
    "search.index_item": lambda services, job, _: services.digitisation.index_item(job.subject_id),
}
