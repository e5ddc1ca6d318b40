"""The worker's Celery application, connected to what a node of ours does besides: pin, warm up, beat, lead,
drain, and refuse what is not for it.
"""

from __future__ import annotations

from tasks import settings
from tasks.wire.celery_app import make_app
from workers import drain, guarded_transport, heartbeat, kill, lifecycle

guarded_transport.install()
app = make_app(settings.load())
app.conf.worker_consumer = "workers.guarded_consumer:GuardedConsumer"
app.Task.Strategy = "workers.guarded_strategy:guarded"
app.Task.Request = "workers.blame:Blamed"
app.steps["consumer"].update({heartbeat.LeaseStep, heartbeat.NodeStep, drain.DrainStep})
kill.register()
lifecycle.connect()
