"""Evaluation records in documents: what the stage `decontaminate` is made of.

sets      where evaluation sets lie
index     task: all evaluation records -> their n-grams, sorted; short records; shingles
matching  task: a shard and the index -> for each document the record that it holds
passages  where in a document's text its tokens stand
"""
