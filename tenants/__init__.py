"""Scope, directory and isolation of the counties.

Tables: ``tenant`` (the province's). Promises: without a bound scope nothing is read or written;
the database itself refuses another tenant's rows. Never: a switch that turns isolation off.
"""
