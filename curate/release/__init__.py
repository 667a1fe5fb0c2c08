"""Releases: shards, card, manifest, the gate that checks them, the Hub, loading."""
