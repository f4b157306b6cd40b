"""The stages between source and outlet: ingest, host, relay, supervisor. They know ports, never adapters."""
