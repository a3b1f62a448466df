"""Agreements with other counties."""

from typing import Any
from uuid import UUID

from flask.views import MethodView

from app.api import schemas_agreements as schemas
from app.api.edge import blueprint, creation_id, services
from tenants.terms import Agreement, Terms

blp = blueprint("agreements", "Agreements between counties")


def _terms(told: dict[str, Any]) -> Terms:
    holdings = {kind: tuple(beginnings) for kind, beginnings in told["holdings"].items()}
    return Terms(holdings, tuple(told["purposes"]), tuple(told["fields"]), told["daily"], told["until"])


@blp.route("/agreements", endpoint="Agreements")
class AgreementsView(MethodView):
    """The county's agreements."""

    @blp.response(200, schemas.AgreementList)
    def get(self) -> dict[str, object]:
        """Return the agreements, each in its version in force or else its newest."""
        return {"rows": services().agreements.list()}

    @blp.arguments(schemas.DraftInput)
    @blp.response(201, schemas.AgreementSchema)
    def post(self, told: dict[str, Any]) -> Agreement:
        """Draft an agreement; with an ``Idempotency-Key``, once. The other county sees nothing of it yet."""
        return services().agreements.draft(
            requester=told["requester"],
            holder=told["holder"],
            terms=_terms(told["terms"]),
            agreement_id=creation_id("agreement"),
        )


@blp.route("/agreements/<uuid:agreement_id>", endpoint="Agreement")
class AgreementView(MethodView):
    """One agreement."""

    @blp.response(200, schemas.AgreementList)
    def get(self, agreement_id: UUID) -> dict[str, object]:
        """Return its versions: one's own draft, then the newest first."""
        return {"rows": services().agreements.versions(agreement_id)}


@blp.route("/agreements/<uuid:agreement_id>/draft", endpoint="AgreementDraft")
class DraftView(MethodView):
    """One's own draft of the next version."""

    @blp.arguments(schemas.TermsInput)
    @blp.response(200, schemas.AgreementSchema)
    def put(self, told: dict[str, Any], agreement_id: UUID) -> Agreement:
        """Write other terms down; what is in force stays so."""
        return services().agreements.amend(agreement_id, _terms(told))

    @blp.response(204)
    def delete(self, agreement_id: UUID) -> None:
        """Throw the draft away."""
        services().agreements.discard(agreement_id)


@blp.route("/agreements/<uuid:agreement_id>/propose", endpoint="AgreementProposal")
class ProposalView(MethodView):
    """Sending the draft to the other county."""

    @blp.response(200, schemas.AgreementSchema)
    def post(self, agreement_id: UUID) -> Agreement:
        """Propose the draft as the next version."""
        return services().agreements.propose(agreement_id)


@blp.route("/agreements/<uuid:agreement_id>/sign", endpoint="AgreementSignature")
class SignatureView(MethodView):
    """Signing."""

    @blp.arguments(schemas.VersionInput)
    @blp.response(200, schemas.AgreementSchema)
    def post(self, told: dict[str, Any], agreement_id: UUID) -> Agreement:
        """Sign a proposed version for the county; with both signatures it is in force."""
        return services().agreements.sign(agreement_id, version=told["version"])


@blp.route("/agreements/<uuid:agreement_id>/withdraw", endpoint="AgreementWithdrawal")
class WithdrawalView(MethodView):
    """Taking a proposal back, or declining it."""

    @blp.arguments(schemas.ReasonInput)
    @blp.response(200, schemas.AgreementSchema)
    def post(self, told: dict[str, Any], agreement_id: UUID) -> Agreement:
        """End the open proposal; what is in force stays so."""
        return services().agreements.withdraw(agreement_id, reason=told["reason"])


@blp.route("/agreements/<uuid:agreement_id>/revoke", endpoint="AgreementRevocation")
class RevocationView(MethodView):
    """Ending an agreement."""

    @blp.arguments(schemas.ReasonInput)
    @blp.response(200, schemas.AgreementSchema)
    def post(self, told: dict[str, Any], agreement_id: UUID) -> Agreement:
        """End what is in force at once."""
        return services().agreements.revoke(agreement_id, reason=told["reason"])


@blp.route("/province/agreements", endpoint="ProvinceAgreements")
class ProvinceAgreementsView(MethodView):
    """All agreements of the province, for its office."""

    @blp.response(200, schemas.AgreementList)
    def get(self) -> dict[str, object]:
        """Return every agreement that was proposed."""
        return {"rows": services().agreements.overview()}
