"""The stages between source and outlet: ingest, host, relay, supervisor. Ports only."""
