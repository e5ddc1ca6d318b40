"""Celery and Redis as we use them: connections, messages that can be trusted, what all must agree on."""
