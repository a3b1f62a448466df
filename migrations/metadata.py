"""All tables of the product, so that the history can be compared with the models."""

import app.audit.models
import app.citizens.models
import app.clients.models
import app.digitisation.models
import app.identity.models
import app.intake.models
import app.lookups.models
import app.platform.jobs
import app.platform.vault
import app.records.models
import app.storage.models  # noqa: F401  # each of these imports enters its tables
import search.models  # noqa: F401
import tenants.agreements
import tenants.models  # noqa: F401
from app.platform.database import Base

METADATA = Base.metadata
