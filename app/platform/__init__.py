"""Settings, database, unit of work, jobs, object store, messages, telemetry.

Tables: ``job`` (tenant-led; the dispatcher's role sees all counties' rows of this table alone).
"""
