"""The demo province: invented counties, their catalogues and aged page scans.

Promises: the same input gives the same bytes; nobody and no place in it exists.
Never: touches a database, the network, or a tenant that is not the demo's.
"""
