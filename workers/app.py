"""The worker's Celery application, connected to what a node of ours does besides: pin, warm up, beat,
lead.
"""

from __future__ import annotations

from tasks import settings
from tasks.celery_app import make_app
from workers import heartbeat, lifecycle

app = make_app(settings.load())
app.steps["consumer"].update({heartbeat.LeaseStep, heartbeat.NodeStep})
lifecycle.connect()
