"""The event-sourcing machinery: deciders, store, projections, bus."""
