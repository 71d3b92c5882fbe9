"""analytics-svc: tiers, the DSO family, ageing, analyses and warnings, as functions of facts and two times."""

from dataclasses import fields

from analytics_svc.api import ROUTERS
from analytics_svc.domain import alert, figures, payment_behaviour, policies
from analytics_svc.domain.alert import AcknowledgeAlert, AlertFacts, ResolveAlert
from analytics_svc.evaluation import Evaluation
from analytics_svc.examples import STORY
from analytics_svc.projections import alerts, contributions
from analytics_svc.projections import policies as policy_view
from analytics_svc.projections.stored import FACTS
from chassis.service import Service
from engine.database import Connection
from engine.decider import Facts
from engine.handle import each


async def about_the_alert(command: AcknowledgeAlert | ResolveAlert, facts: Facts, read: Connection) -> AlertFacts:
    """The facts, and what the alert named is about."""
    known = {f.name: getattr(facts, f.name) for f in fields(Facts)}
    return AlertFacts(**known, subject=await alerts.subject_of(read, command.alert))


SERVICE = Service(
    name="analytics",
    prefix="/api/analytics",
    title="Kehu analytics: figures, tiers, alerts",
    contexts=("analytics",),
    routers=ROUTERS,
    deciders=(alert.DECIDER, policies.DECIDER),
    loaders={AcknowledgeAlert: each(about_the_alert), ResolveAlert: each(about_the_alert)},
    views=(
        *FACTS,
        alerts.VIEW,
        contributions.VIEW,
        policy_view.VIEW,
    ),
    rules=figures.RULES + payment_behaviour.RULES,
    evaluate=Evaluation,
    story=STORY,
)
