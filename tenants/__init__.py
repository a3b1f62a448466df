"""Scope, directory, joining, limits, agreements, leaving and retirement of the counties, and their isolation.

Tables: ``tenant``, ``tenant_order``, ``tenant_step``, ``tenant_export``, ``tenant_retirement``, ``quota``, ``usage``,
``agreement``. Promises: without a bound scope nothing is read or written; the database itself refuses another tenant's
rows. Never: a switch that turns isolation off.
"""
