"""Workers: the Celery application and its tasks; imaging and OCR as pure libraries."""
