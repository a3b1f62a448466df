"""Scans in: uploads, pages, their processing, the tray of unplaced ones, and reading them.

Tables: ``upload``, ``upload_file``, ``upload_refusal``, ``page``, ``page_text``. Promises: an acknowledged
file is on both sites and its pages are in the job ledger; a page's state is what its job says.
Never: a change to an original, an image judged by anything but the batch's thresholds.
"""
