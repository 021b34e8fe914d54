"""The paths of the admin port, as its front page and its 404 list them."""

from __future__ import annotations

from typing import Final

PATHS: Final = """\
GET    /healthz                       200 while the process works, 503 with what is stuck
GET    /readyz                        200 when every queue is polled, 503 with the reason
GET    /metrics                       Prometheus text format
GET    /api/routes                    JSON: routes, versions, weights, rates, last errors
GET    /api/routes/{route}/rollout    JSON: phase, step, weights, verdict, evidence, history
POST   /api/routes/{route}/rollout/{verb}
                                      pause, resume, promote (?full=true), abort or retry
PUT    /api/routes/{route}/weights    set weights now, over file and rollout: {"canary": 20}
DELETE /api/routes/{route}/weights    take them back; a rollout stays paused
GET    /api/routes/{route}/verdict    JSON: pass, wait or abort, for Argo Rollouts
GET    /api/events                    server-sent events: what the dashboard shows, once a second
POST   /api/flagger/{route}/{gate}    Flagger's webhooks: 200 or 403; confirm-rollout,
                                      confirm-traffic-increase, confirm-promotion, rollout,
                                      rollback or event
POST   /-/reload                      re-read the routing file now: 200, or 422 with every problem
"""
