"""The fact ledgers and the figures over them; the alerts as shown. One file a view."""
